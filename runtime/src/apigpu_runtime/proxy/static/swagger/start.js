"use strict";

// Keys stay in this tab; nothing is asked of another host, not even whether the document is valid.
window.ui = SwaggerUIBundle({
  url: document.currentScript.dataset.document,
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
