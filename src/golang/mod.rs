//! What Go's libraries do where a Dockerfile shows it: `strconv`, `path`, `fmt`, `encoding/json`, patterns.
