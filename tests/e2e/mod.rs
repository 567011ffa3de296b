//! Whole builds on real parts: buildkitd, buildctl, buildx, a registry, and our image in it.
//!
//! These tests need what `cargo xtask test` starts and puts into the environment; without it
//! they are ignored.

#[path = "../../helper/src/wheel/craft.rs"]
#[allow(dead_code, reason = "the helper's own tests use all of it")]
mod craft; // wheels as nobody should make them

mod site; // what the daemon fetches
mod stack; // the parts, as tests use them

mod again; // what runs the fal layers again
mod builds; // requirements of which a wheel is built
mod cache; // one cache for the original and us
mod contexts; // what is built from repositories, downloads and other builds
mod doors; // the three ways to a frontend
mod errors; // what a user sees when a build fails
mod help; // what he can do about it
mod inputs; // what a build can begin with instead of a Dockerfile
mod key; // the name of what a build would give
mod locks; // requirements that a lock file says
mod modes; // what `mode=app` asks of an image, and `mode=off` does not
mod platforms; // one build for two platforms
mod private; // requirements of an index that asks who comes
mod replaced; // wheels in the place of what the image has
mod requirements; // what the user wants to have installed
mod secret_cache; // what runs again when a secret changes
mod secrets; // where a secret must not appear
mod situations; // what becomes of every kind of image
mod subrequests; // what `--check` and `--call` print
mod wheels; // requirements, each wheel by itself
mod wheel_trees; // what pip and uv install, and what we do
mod hostile_wheels; // what is not installed at all
