//! Replaces `$NAME` and `${NAME:-word}` in words.
