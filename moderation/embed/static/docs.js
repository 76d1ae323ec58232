// Starts Swagger UI on this service's own OpenAPI document.

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function followColourScheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

followColourScheme();
dark.addEventListener("change", followColourScheme);

window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  // The badge would ask another host to check the document.
  validatorUrl: null,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
