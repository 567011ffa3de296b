//! Stages must not read from each other in a circle.

use std::collections::btree_map;

use crate::{diagnostic::Result, source::Lines};

use super::{Graph, StageId, messages};

/// One stage on the way down: what it still has to look at, and the command that led here.
struct Step<'a> {
    stage: StageId,
    led_by: Option<Lines>,
    rest: btree_map::Iter<'a, StageId, Lines>,
}

/// Fails with every command on the way into the circle.
pub(super) fn refuse(graph: &Graph) -> Result<()> {
    let mut visited = vec![false; graph.stages.len()];
    let mut on_path = vec![false; graph.stages.len()];
    for root in graph.ids() {
        if let Some(commands) = circle(graph, root, &mut visited, &mut on_path) {
            let error = messages::circular(&graph.stage(root).label);
            return Err(Box::new(
                commands
                    .into_iter()
                    .fold(error, |error, lines| error.also_at(lines)),
            ));
        }
    }
    Ok(())
}

fn circle(
    graph: &Graph,
    root: StageId,
    visited: &mut [bool],
    on_path: &mut [bool],
) -> Option<Vec<Lines>> {
    if std::mem::replace(&mut visited[root.0], true) {
        return None;
    }
    on_path[root.0] = true;
    let enter = |stage: StageId, led_by| Step {
        stage,
        led_by,
        rest: graph.stage(stage).dependencies.iter(),
    };
    let mut path = vec![enter(root, None)];
    while let Some(step) = path.last_mut() {
        match step.rest.next() {
            None => {
                on_path[step.stage.0] = false;
                path.pop();
            }
            Some((next, lines)) if on_path[next.0] => {
                return Some(
                    path.iter()
                        .filter_map(|step| step.led_by)
                        .chain([*lines])
                        .collect(),
                );
            }
            Some((next, lines)) => {
                if !std::mem::replace(&mut visited[next.0], true) {
                    on_path[next.0] = true;
                    path.push(enter(*next, Some(*lines)));
                }
            }
        }
    }
    None
}
