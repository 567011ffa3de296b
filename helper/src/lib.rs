//! What `fal-helper` does in a build step, and the report that it writes.
//!
//! ```text
//! request → look (files only) → report: what is there, what is to be done
//!                             → curl    (the image's package manager)  ┐
//!                             → runtime (the image's Python)           ┘ → report: what is there now
//! requirements → the image's Python with what they ask for
//! requirements → resolve → a lock: which wheels, and for which Python
//! sources → build → a wheel, with the image's Python
//! wheels → unpack → site-packages; wheels + image → finish → scripts, data, headers; image → remove → less of it
//! secret → fingerprint: a name of its value, or that there is none
//! context → list: what stands in it, each file by its hash
//! ```
//! The program is static and is mounted into the step; it is never in the image. The frontend uses
//! this library for the two ends of the drawing: it writes a [`request::Request`] and reads a
//! [`report::Report`].
//!
//! Everything that a step learns about an image it learns through [`root::Root`], from regular
//! files of bounded size: an image may be hostile, and looking at it starts nothing of it.

pub mod request; // what the frontend asks

pub mod report; // what it gets back

pub mod requirements; // what the frontend asks to be installed before all that
pub mod build; // what the frontend asks to be built of that
pub mod lock; // what is installed wheel by wheel, and for which Python

pub mod look; // request + image → report

pub mod install; // report + image → a changed image, and the report again

pub mod wheel; // wheels → the files that they are once installed

pub mod failure; // why a build must stop

pub mod environment; // which variables reach the programs that are started

pub mod context; // a directory → what stands in it
pub mod fingerprint; // a secret → what changes when its value does

pub mod curl; // curl and certificates, as files
pub mod package_manager; // the table of package managers
pub mod python; // the interpreter that fal will run, and what is installed for it

mod foreign; // files that another build may have put there
pub mod root; // a directory that no path leaves
pub mod search; // PATH, as execvp reads it

pub mod user; // as whom the image's processes run, and what is closed to them

pub mod cli; // arguments → exit code
