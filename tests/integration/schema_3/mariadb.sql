CREATE TABLE `coupon` (
  `id` varchar(32) NOT NULL,
  `title` varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `quantity` int(10) unsigned NOT NULL,
  `per_user_limit` int(10) unsigned NOT NULL,
  `starts_at` datetime(6) DEFAULT NULL,
  `ends_at` datetime(6) DEFAULT NULL,
  `paused` tinyint(1) NOT NULL,
  `issued` int(10) unsigned NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  `journal_seq` bigint(20) unsigned NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin;
INSERT INTO coupon VALUES ('A', 'A', 100, 1, NULL, NULL, 0, 3, '2026-11-30 16:48:50.616348', '2026-11-30 16:48:50.616348', 1);
INSERT INTO coupon VALUES ('B', 'Two for one', 10, 2, NULL, NULL, 0, 3, '2026-11-30 16:48:50.630126', '2026-11-30 16:48:50.712056', 9);
CREATE TABLE `coupon_issue` (
  `coupon_id` varchar(32) NOT NULL,
  `sequence` int(10) unsigned NOT NULL,
  `user_id` varchar(64) NOT NULL,
  `nth` smallint(5) unsigned NOT NULL,
  `issued_at` datetime(6) NOT NULL,
  `journal_seq` bigint(20) unsigned NOT NULL,
  PRIMARY KEY (`coupon_id`,`sequence`),
  UNIQUE KEY `holder` (`coupon_id`,`user_id`,`nth`)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin;
INSERT INTO coupon_issue VALUES ('A', 1, 'alice', 1, '2026-11-30 16:48:50.641400', 3);
INSERT INTO coupon_issue VALUES ('A', 2, 'bob', 1, '2026-11-30 16:48:50.660027', 4);
INSERT INTO coupon_issue VALUES ('A', 3, 'carol', 1, '2026-11-30 16:48:50.688283', 5);
INSERT INTO coupon_issue VALUES ('B', 1, 'alice', 1, '2026-11-30 16:48:50.697241', 6);
INSERT INTO coupon_issue VALUES ('B', 2, 'bob', 1, '2026-11-30 16:48:50.701984', 7);
INSERT INTO coupon_issue VALUES ('B', 3, 'alice', 2, '2026-11-30 16:48:50.707814', 8);
CREATE TABLE `dead_letter` (
  `journal_id` char(32) NOT NULL,
  `journal_seq` bigint(20) unsigned NOT NULL,
  `partition_no` smallint(5) unsigned NOT NULL,
  `coupon_id` varchar(32) NOT NULL,
  `sequence` int(10) unsigned DEFAULT NULL,
  `user_id` varchar(64) DEFAULT NULL,
  `nth` smallint(5) unsigned DEFAULT NULL,
  `recorded_at` datetime(6) NOT NULL,
  `record` varbinary(1024) NOT NULL,
  `reason` varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `dead_at` datetime(6) NOT NULL,
  PRIMARY KEY (`journal_id`,`journal_seq`)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin;
CREATE TABLE `journal` (
  `partition_no` smallint(5) unsigned NOT NULL,
  `journal_id` char(32) NOT NULL,
  `partitions` smallint(5) unsigned NOT NULL,
  `last_seq` bigint(20) unsigned NOT NULL,
  `ahead` varchar(4000) NOT NULL DEFAULT '',
  PRIMARY KEY (`partition_no`)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin;
INSERT INTO journal VALUES (0, '1e97d4ed21a3cf722a68bee343af03bc', 1, 9, '');
CREATE TABLE `schema_version` (
  `version` int(10) unsigned NOT NULL,
  `applied_at` datetime(6) NOT NULL,
  `store_id` char(32) DEFAULT NULL,
  PRIMARY KEY (`version`)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin;
INSERT INTO schema_version VALUES (3, '2026-11-30 16:48:49.907874', 'cb8304ea58ceb5f8e82fafee3b39bc85');
