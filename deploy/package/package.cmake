# The Debian package: `cpack -G DEB` in a build folder, or ./dev package. `cmake --install` installs the component `program`,
# too; the component `debian` is only in the package: units, configuration, copyright, changelogs.
set(package_folder ${CMAKE_CURRENT_LIST_DIR})
set(package_release 1)
set(package_maintainer "coupond developers <coupond@coupond.invalid>")
# Uses SOURCE_DATE_EPOCH if it is set.
string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)

install(CODE "
  set(project_folder \"${PROJECT_SOURCE_DIR}\")
  set(package_version \"${PROJECT_VERSION}-${package_release}\")
  set(package_maintainer \"${package_maintainer}\")
  set(package_date \"${package_date}\")
  set(pages_folder \"${PROJECT_BINARY_DIR}/coupond/manual\")"
  COMPONENT debian EXCLUDE_FROM_ALL)
install(SCRIPT ${package_folder}/debian.cmake COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL program debian)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PACKAGE_NAME coupond)
set(CPACK_PACKAGE_VENDOR coupond)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "first-come-first-served coupons over HTTP")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${package_release})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${package_maintainer})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "systemd | systemd-standalone-sysusers | systemd-sysusers, systemd | systemd-standalone-tmpfiles | systemd-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion, haproxy, mariadb-server | default-mysql-server | virtual-mysql-server")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"coupond issues coupons to a crowd of users who request the same coupon in the
same second. It answers every request once, finally and in order. A coupon is
never issued more often than its quantity, and an issue is never taken back.
.
One program has three roles: stateless HTTP gateways, an issuer that writes
every decision to its journal before it is answered, and persisters that fill
MySQL, MariaDB or SQLite.
.
The services are installed, but not enabled: edit /etc/coupond/coupond.conf
first.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${package_folder}/conffiles ${package_folder}/postinst ${package_folder}/prerm ${package_folder}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
