//! Which op comes from which lines of which file, after `client/llb/sourcemap.go`.

use std::collections::HashMap;

use prost::bytes::Bytes;

use crate::{
    llb::{
        graph::{Defaults, Graph, Location, Origin, SourceMapId},
        marshal::marshal_within,
    },
    proto::pb,
};

/// The locations of the ops of one definition.
pub(super) struct Collector<'a> {
    graph: &'a Graph,
    /// The files in the order in which they were met, each once.
    files: Vec<SourceMapId>,
    by_content: HashMap<(&'a str, &'a str, &'a Bytes), i32>,
    by_id: HashMap<SourceMapId, i32>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            files: Vec::new(),
            by_content: HashMap::new(),
            by_id: HashMap::new(),
        }
    }

    /// The locations of an op, which may be written nowhere.
    pub(super) fn locate(&mut self, locations: &[Location]) -> Vec<pb::Location> {
        let located = locations.iter().map(|location| pb::Location {
            source_index: self.index(location.source_map),
            ranges: location.ranges.clone(),
        });
        located.collect()
    }

    /// Where a file stands; two files that say the same are one.
    fn index(&mut self, id: SourceMapId) -> i32 {
        if let Some(&index) = self.by_id.get(&id) {
            return index;
        }
        let file = &self.graph.source_maps[id.0 as usize];
        let content = (file.filename.as_str(), file.language.as_str(), &file.data);
        let next = self.files.len() as i32;
        let index = *self.by_content.entry(content).or_insert(next);
        if index == next {
            self.files.push(id);
        }
        self.by_id.insert(id, index);
        index
    }

    /// The files, in the order in which locations count them.
    pub(super) fn infos(
        &self,
        defaults: &Defaults<'_>,
        describing: &mut Vec<SourceMapId>,
    ) -> Vec<pb::SourceInfo> {
        let files = self.files.iter();
        files
            .map(|id| self.info(*id, defaults, describing))
            .collect()
    }

    fn info(
        &self,
        id: SourceMapId,
        defaults: &Defaults<'_>,
        describing: &mut Vec<SourceMapId>,
    ) -> pb::SourceInfo {
        let file = &self.graph.source_maps[id.0 as usize];
        let definition = match &file.origin {
            Origin::Unknown => None,
            // A file that is read from what it describes itself would have no end.
            Origin::Input(_) if describing.contains(&id) => None,
            Origin::Input(input) => {
                describing.push(id);
                let definition = marshal_within(self.graph, *input, defaults, describing);
                describing.pop();
                Some(definition.into())
            }
            Origin::Definition(definition) => Some((**definition).clone()),
        };
        pb::SourceInfo {
            filename: file.filename.clone(),
            data: file.data.clone(),
            definition,
            language: file.language.clone(),
        }
    }
}
