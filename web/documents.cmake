# What a gateway serves from its own memory: PATH|MEDIA TYPE|FILE. Expects `root`, the folder of the project. Swagger UI
# is optional: ./dev pages installs it.
set(swagger ${root}/build/web/node_modules/swagger-ui-dist)
set(documents "/openapi.json|application/json|${root}/api/openapi.json")
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
