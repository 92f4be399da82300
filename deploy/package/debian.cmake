# Run by cpack with the prefix /usr and DESTDIR: installs the files that are outside the prefix or differ in the package.
if(NOT DEFINED ENV{DESTDIR})
  message(FATAL_ERROR "only cpack can install the component `debian`")
endif()
set(work ${pages_folder}/debian)
file(REMOVE_RECURSE ${work})

# Installs a text as a file that all users can read.
function(put_text text target)
  file(WRITE ${work}/${target} "${text}")
  get_filename_component(folder ${target} DIRECTORY)
  file(INSTALL ${work}/${target} DESTINATION /${folder} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

function(put_file source target)
  file(READ ${source} text)
  string(REPLACE "/usr/local/bin/" "/usr/bin/" text "${text}")
  put_text("${text}" ${target})
endfunction()

# Compresses manual pages and changelogs as required by Debian's policy, reproducibly.
function(compress)
  foreach(target ${ARGN})
    execute_process(COMMAND gzip -9nf $ENV{DESTDIR}/${target} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endfunction()

foreach(unit coupond-gateway@.service coupond-issuer.service coupond-persister.service)
  put_file(${project_folder}/deploy/systemd/${unit} usr/lib/systemd/system/${unit})
endforeach()
put_file(${project_folder}/deploy/systemd/coupond.sysusers usr/lib/sysusers.d/coupond.conf)
put_file(${project_folder}/deploy/systemd/coupond.tmpfiles usr/lib/tmpfiles.d/coupond.conf)
put_file(${project_folder}/deploy/systemd/coupond.conf etc/coupond/coupond.conf)

put_file(${project_folder}/deploy/package/copyright usr/share/doc/coupond/copyright)
put_file(${project_folder}/deploy/package/lintian-overrides usr/share/lintian/overrides/coupond)
put_file(${project_folder}/CHANGELOG.md usr/share/doc/coupond/changelog)
put_text("coupond (${package_version}) unstable; urgency=medium

  * See changelog.gz in this folder for the changes.

 -- ${package_maintainer}  ${package_date}
" usr/share/doc/coupond/changelog.Debian)
compress(usr/share/doc/coupond/changelog usr/share/doc/coupond/changelog.Debian
  usr/share/man/man1/coupond.1 usr/share/man/man5/coupond.conf.5)
