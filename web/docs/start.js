// Shows the contract of the gateway that serves this page. Addresses are relative to it, as behind a proxy with a prefix.
"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // asks nobody else
});
