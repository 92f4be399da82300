# What a gateway serves from its own memory: PATH|MEDIA TYPE|FILE. The version takes the place of @version@ in a file that
# ends with .in. Expects `root`, the folder of the project. Swagger UI and uPlot are optional: ./dev pages installs them.
set(modules ${root}/build/web/node_modules)
set(documents
  "/openapi.json|application/json|${root}/api/openapi.json"
  "/|text/html|${root}/web/home/index.html"
  "/events|text/html|${root}/web/event/index.html"
  "/admin|text/html|${root}/web/admin/index.html"
  "/pages/common/icon.svg|image/svg+xml|${root}/web/common/icon.svg"
  "/pages/common/version.js|text/javascript|${root}/web/common/version.js.in")

# The parts of pages: /pages/FOLDER/FILE is web/FOLDER/FILE.
foreach(part
    common/api.js common/clock.js common/common.css common/dom.js common/language.js common/session.js
    admin/access.js admin/admin.css admin/admin.js admin/chart.js admin/dialog.js admin/event.js admin/event_form.js
    admin/event_issues.js admin/issues.js
    admin/events.js admin/fields.js admin/history.js admin/letters.js admin/meter.js admin/rehearsal.js admin/system.js
    admin/texts.js admin/texts_en.js admin/texts_ko.js admin/ui.js admin/users.js
    home/home.css home/home.js home/texts.js
    event/answers.js event/benefit.js event/countdown.js event/event.css event/event.js event/issue.js event/phase.js
    event/texts.js event/view.js event/watch.js)
  set(type text/javascript)
  if(part MATCHES "\\.css$")
    set(type text/css)
  endif()
  list(APPEND documents "/pages/${part}|${type}|${root}/web/${part}")
endforeach()

set(uplot ${modules}/uplot)
if(EXISTS ${uplot}/dist/uPlot.iife.min.js AND EXISTS ${uplot}/dist/uPlot.min.css AND EXISTS ${uplot}/LICENSE)
  list(APPEND documents
    "/pages/charts/library.js|text/javascript|${uplot}/dist/uPlot.iife.min.js"
    "/pages/charts/library.css|text/css|${uplot}/dist/uPlot.min.css"
    "/pages/charts/LICENSE|text/plain|${uplot}/LICENSE")
else()
  list(APPEND documents
    "/pages/charts/library.js|text/javascript|${root}/web/charts/absent.js"
    "/pages/charts/library.css|text/css|${root}/web/charts/absent.css")
endif()

set(swagger ${modules}/swagger-ui-dist)
if(EXISTS ${swagger}/swagger-ui-bundle.js AND EXISTS ${swagger}/swagger-ui-bundle.js.LICENSE.txt
   AND EXISTS ${swagger}/swagger-ui.css)
  list(APPEND documents
    "/docs|text/html|${root}/web/docs/index.html"
    "/docs/start.js|text/javascript|${root}/web/docs/start.js"
    "/docs/swagger-ui-bundle.js|text/javascript|${swagger}/swagger-ui-bundle.js"
    "/docs/swagger-ui-bundle.js.LICENSE.txt|text/plain|${swagger}/swagger-ui-bundle.js.LICENSE.txt"
    "/docs/swagger-ui.css|text/css|${swagger}/swagger-ui.css")
else()
  list(APPEND documents "/docs|text/html|${root}/web/docs/absent.html")
endif()
