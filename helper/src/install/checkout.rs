//! A commit of a repository → a folder, with the image's git.
//!
//! With its history and the tags in that, for some build backends tell the version by them, and with submodules. All contents are
//! fetched: with a filter, git comes back for what it lacks, and never ends where the server cannot give a file by its name.

use std::ffi::OsString;
use std::path::Path;

use super::installer::Target;
use super::messages;
use super::process::{self, Outcome, Output};
use super::secrets::Mask;
use crate::failure::Failure;
use crate::lock::Git;
use crate::search;

/// Who makes commits is nobody's business here: nothing is asked, and large files stay where they are.
const SETTINGS: [(&str, &str); 2] = [("GIT_TERMINAL_PROMPT", "0"), ("GIT_LFS_SKIP_SMUDGE", "1")];

/// Checks a commit out into `folder`, which is not there yet.
pub(super) fn checkout(target: &Target<'_>, git: &Git, folder: &Path) -> Result<(), Failure> {
    let program = search::program(target.root, target.path, "git");
    let program = program.ok_or_else(|| messages::no_git(&git.url))?;
    let mut environment = target.environment.clone();
    for (name, value) in SETTINGS {
        environment = environment.with(name, value);
    }
    let run = |arguments: &[&str]| -> Result<Outcome, Failure> {
        let mut command: Vec<OsString> = vec![program.clone().into(), "-C".into(), folder.into()];
        command.extend(arguments.iter().map(OsString::from));
        let mask = Mask::default();
        process::run_in(
            Path::new("/"),
            &command,
            &environment,
            Output::ShownAndKept,
            &mask,
        )
        .map_err(|error| messages::io("start", &program, &error))
    };
    let done = |outcome: Outcome| match outcome.success() {
        true => Ok(()),
        false => Err(messages::not_checked_out(&git.url, &git.commit, &outcome)),
    };
    std::fs::create_dir_all(folder).map_err(|error| messages::io("make", folder, &error))?;
    done(run(&["init", "--quiet"])?)?;
    done(run(&["remote", "add", "origin", &git.url])?)?;
    let commit = format!("+{}:refs/remotes/origin/wanted", git.commit);
    let alone = run(&["fetch", "--quiet", "origin", &commit])?;
    if !alone.success() {
        // Not every server gives commits by their names.
        let all = "+refs/heads/*:refs/remotes/origin/*";
        done(run(&["fetch", "--quiet", "--tags", "origin", all])?)?;
    }
    done(run(&["checkout", "--quiet", "--detach", &git.commit])?)?;
    done(run(&[
        "submodule",
        "--quiet",
        "update",
        "--init",
        "--recursive",
    ])?)
}
