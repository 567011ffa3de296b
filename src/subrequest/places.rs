//! Lines of the file, as the answers write them.

use serde_json::Value;

use crate::{
    llb::{self, json::location},
    proto::pb,
    source::Lines,
};

/// More ranges than this are not written: each place then has one for all its lines, which means the same.
const MOST_RANGES: usize = 100_000;

/// How the places of one answer are written.
pub(super) struct Places {
    line_by_line: bool,
}

impl Places {
    /// For an answer that holds these places.
    pub(super) fn new(places: impl Iterator<Item = Lines>) -> Self {
        let counts = places.map(|lines| (lines.end - lines.start) as usize + 1);
        Self {
            line_by_line: counts.sum::<usize>() <= MOST_RANGES,
        }
    }

    /// A place with a range for each line.
    pub(super) fn of(&self, lines: Lines) -> Value {
        located(match self.line_by_line {
            true => llb::line_by_line(lines.start, lines.end),
            false => vec![llb::lines(lines.start, lines.end)],
        })
    }

    /// No place.
    pub(super) fn nowhere() -> Value {
        located(Vec::new())
    }

    /// Several places as one: a range for each line, each line once.
    pub(super) fn merged(places: &[Lines]) -> Value {
        let mut sorted = places.to_vec();
        sorted.sort();
        let mut ranges = Vec::new();
        let mut next = 0;
        for lines in sorted {
            for line in lines.start.max(next)..=lines.end {
                ranges.push(llb::lines(line, line));
                next = line + 1;
            }
        }
        located(ranges)
    }
}

fn located(ranges: Vec<pb::Range>) -> Value {
    location(&pb::Location {
        source_index: 0,
        ranges,
    })
}
