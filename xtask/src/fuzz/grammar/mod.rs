//! Dockerfiles from chance: every instruction, flag and form of the language, mostly as it may be, sometimes slightly wrong.
//!
//! Names, paths and values are few, so that things meet: what one instruction names, another uses.

mod instructions; // one instruction
mod layout; // how it is written down
mod options; // what is beside the file
mod run; // RUN and its mounts
mod transfer; // COPY and ADD
mod words; // names, paths, values

use std::collections::BTreeMap;

use super::{case::Case, random::Random};

/// Writes one case.
pub(super) struct Writer<'a> {
    random: &'a mut Random,
    /// The names of stages so far.
    stages: Vec<String>,
    escape: char,
    images: BTreeMap<String, String>,
    /// How often something is wrong on purpose, in percent.
    wrong: usize,
}

/// An instruction, before it is laid out.
#[derive(Debug, Default)]
struct Line {
    text: String,
    /// Heredocs, with their last lines.
    bodies: Vec<String>,
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self {
            text,
            bodies: Vec::new(),
        }
    }
}

/// A new case.
pub(super) fn case(random: &mut Random) -> Case {
    let wrong = [0, 0, 0, 0, 0, 0, 1, 1, 1, 4][random.below(10)];
    let mut writer = Writer {
        random,
        stages: Vec::new(),
        escape: '\\',
        images: BTreeMap::new(),
        wrong,
    };
    let lines = writer.file();
    let text = writer.layout(lines);
    let mut case = Case::new(text);
    writer.options(&mut case);
    case.images.append(&mut writer.images);
    case
}

impl Writer<'_> {
    fn percent(&mut self, chance: usize) -> bool {
        self.random.percent(chance)
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }

    /// Whether to make a mistake here.
    fn errs(&mut self) -> bool {
        let wrong = self.wrong;
        wrong > 0 && self.random.percent(wrong)
    }

    fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        self.random.pick(choices)
    }

    /// One that may be; sometimes one that may not.
    fn choose(&mut self, good: &[&'static str], bad: &[&'static str]) -> String {
        match self.errs() {
            true => self.pick(bad),
            false => self.pick(good),
        }
        .to_owned()
    }

    /// Several flags, mostly no two of a name.
    fn flags(&mut self, chance: usize, mut flag: impl FnMut(&mut Self) -> String) -> String {
        let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
        let mut names = Vec::new();
        let mut text = String::new();
        while self.percent(chance) {
            let flag = flag(self);
            let is_new = !names.contains(&name(&flag));
            if is_new || name(&flag) == "--mount" || name(&flag) == "--exclude" || self.errs() {
                names.push(name(&flag));
                text += &flag;
                text += self.pick(&[" ", " ", " ", "  "]);
            }
        }
        text
    }

    /// As many as chance gives, each written by the same function.
    fn some(&mut self, most: usize, mut write: impl FnMut(&mut Self) -> String) -> Vec<String> {
        (0..=self.below(most)).map(|_| write(self)).collect()
    }

    /// All instructions of a file.
    fn file(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        if self.percent(40) {
            for _ in 0..=self.below(3) {
                lines.push(Line::from(self.arg()));
            }
        }
        let stages = 1 + [0, 0, 0, 1, 1, 2, 2, 3, 5][self.below(9)];
        for _ in 0..stages {
            lines.push(Line::from(self.from()));
            let length = [1, 2, 3, 5, 8][self.below(5)];
            for _ in 0..self.below(length + 1) {
                lines.push(self.instruction());
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_follows_from_its_seed_and_number() {
        for number in 0..50 {
            let one = case(&mut Random::new(7, number));
            assert_eq!(one, case(&mut Random::new(7, number)));
        }
        let other = case(&mut Random::new(8, 0));
        assert_ne!(case(&mut Random::new(7, 0)), other);
    }
}
