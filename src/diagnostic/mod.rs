//! What is wrong with a Dockerfile, as data; rendering lives in `render`.
