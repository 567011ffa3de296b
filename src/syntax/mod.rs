//! Text to `ast::File`.
