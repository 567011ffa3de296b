//! A named text, spans in it, and the lines they stand on.
