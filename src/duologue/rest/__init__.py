"""A host's commands by HTTP, for backends in any language: `duologue.rest.app.Api`."""
