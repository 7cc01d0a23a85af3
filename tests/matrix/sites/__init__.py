"""One framework a module; each has an `app` with the paths of `application.HEADERS` and an echoing WebSocket."""
