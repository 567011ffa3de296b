//! WORKDIR: where commands run, and the directory made for it.

use crate::{
    diagnostic::Result,
    instruction::{Instruction, Workdir},
    llb::file::{File, Mkdir},
};

use super::{
    Planner, at, copy, facts::Seen, messages, op_platform, paths, state::StageState, words::Words,
};

impl Planner<'_> {
    /// Plans a WORKDIR.
    pub(super) fn workdir(
        &mut self,
        state: &mut StageState,
        instruction: &Instruction,
        workdir: &Workdir,
    ) -> Result<()> {
        let path =
            Words::new(&self.expander, state, self.facts, &mut self.budget).word(&workdir.path)?;
        self.facts.see(Seen::Directory {
            is_absolute: paths::is_absolute(os(state), &path),
            is_first: !std::mem::replace(&mut state.has_directory, true),
            path: path.clone(),
        });
        let directory = enter(state, &path)?;
        // Twice: for the op, and for the image.
        self.spend(2 * directory.len() + state.user.len())?;
        let has_layer = directory != "/";
        if has_layer {
            let platform = state.platform.clone();
            let shown = self.shown(&instruction.original, self.expander, &state.environment);
            let name = self.step_name(state, &shown, platform.as_ref())?;
            let mut meta = at(self.file, Some(instruction.lines)).name(name);
            meta.platform = platform.as_ref().map(op_platform);
            let made = Mkdir {
                path: directory.clone(),
                mode: 0o755,
                make_parents: true,
                owner: copy::owner(&state.user),
                created: state
                    .epoch
                    .map(|epoch| epoch.unix().wrapping_mul(1_000_000_000)),
            };
            state.output = Some(self.llb.add_file(File::new(state.output, made), meta));
        }
        state.commit(format!("WORKDIR {directory}"), has_layer);
        Ok(())
    }
}

/// Makes `path` the working directory, without making the directory; gives it absolute.
pub(super) fn enter(state: &mut StageState, path: &str) -> Result<String> {
    let os = os(state);
    let directory = paths::absolute(os, &state.directory, path, false)
        .map_err(|error| messages::bad_workdir(*error))?;
    let kept = match os {
        "windows" => directory.replace('/', "\\"),
        _ => directory.clone(),
    };
    state.changes.add(|image| image.config.working_dir = kept);
    state.directory = directory.clone();
    Ok(directory)
}

fn os(state: &StageState) -> &str {
    let platform = state.platform.as_ref();
    platform.map_or("linux", |platform| platform.os.as_str())
}
