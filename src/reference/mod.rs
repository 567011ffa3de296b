//! Names of things elsewhere: images, git repositories, platforms.
