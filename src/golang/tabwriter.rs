//! Columns as `text/tabwriter` aligns them, with blanks and to the left.

/// More blanks than this are not written: a table that asks for them is not aligned.
const MOST_BLANKS: usize = 4 << 20;

/// Aligns the cells of a text. A tab ends a cell, and `padding` blanks follow the widest cell of a column.
///
/// A column is a run of lines that have a cell there; what stands behind the last tab of a line belongs to none. A vertical tab is a
/// tab and a form feed a newline, after which columns begin anew.
pub fn align(text: &str, padding: usize) -> String {
    let (columns, cells) = columns(text);
    let width = |cell: &Cell<'_>| cell.column.map_or(cell.width, |column| columns[column]);
    let blanks: usize = cells.iter().map(|cell| width(cell) - cell.width).sum();
    let is_aligned = blanks <= MOST_BLANKS;
    let mut aligned = String::with_capacity(text.len());
    for cell in &cells {
        aligned.push_str(cell.text);
        let blanks = match (cell.column, is_aligned) {
            (None, _) => 0,
            (Some(_), true) => width(cell) - cell.width + padding,
            (Some(_), false) => padding,
        };
        aligned.extend(std::iter::repeat_n(' ', blanks));
        if cell.ends_line {
            aligned.push('\n');
        }
    }
    aligned
}

struct Cell<'a> {
    text: &'a str,
    /// In characters, however wide they are.
    width: usize,
    /// Its column; none for what no tab ends.
    column: Option<usize>,
    ends_line: bool,
}

/// The widths of the columns, and the cells in order.
fn columns(text: &str) -> (Vec<usize>, Vec<Cell<'_>>) {
    let mut columns: Vec<usize> = Vec::new();
    let mut cells = Vec::new();
    // The columns that the line before has cells in, and how many cells this line has so far.
    let mut open: Vec<usize> = Vec::new();
    let mut place = 0;
    for piece in text.split_inclusive(['\t', '\x0b', '\n', '\x0c']) {
        let (text, end) = match piece.char_indices().next_back() {
            Some((at, end @ ('\t' | '\x0b' | '\n' | '\x0c'))) => (&piece[..at], Some(end)),
            _ => (piece, None),
        };
        let width = text.chars().count();
        let is_cell = matches!(end, Some('\t' | '\x0b'));
        let column = is_cell.then(|| {
            if place == open.len() {
                open.push(columns.len());
                columns.push(0);
            }
            let column = open[place];
            columns[column] = columns[column].max(width);
            place += 1;
            column
        });
        if !is_cell {
            open.truncate(if end == Some('\x0c') { 0 } else { place });
            place = 0;
        }
        cells.push(Cell {
            text,
            width,
            column,
            ends_line: end.is_some() && !is_cell,
        });
    }
    (columns, cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 makes of the same texts, blanks shown as dots.
    #[test]
    fn tables_are_aligned_as_go_does() {
        let cases = [
            ("", 1, ""),
            ("a", 1, "a"),
            ("a\tb\n", 1, "a.b\n"),
            ("a\tb\nccc\td\n", 1, "a...b\nccc.d\n"),
            ("é\tb\n\td\n", 2, "é..b\n...d\n"),
            ("a\tb\tc\nx\nlong\td\n", 1, "a.b.c\nx\nlong.d\n"),
            (
                "a\tb\tc\nxx\ty\nz\tlong\tc\n",
                1,
                "a..b.c\nxx.y\nz..long.c\n",
            ),
            ("a\tb\x0clong\td", 1, "a.b\nlong.d"),
            ("a\x0bb\nlong\td\n", 1, "a....b\nlong.d\n"),
            ("a\t\n\t\t\nb\t\n", 0, "a\n.\nb\n"),
            ("a b\r\tc\n", 1, "a.b\r.c\n"),
        ];
        for (text, padding, expected) in cases {
            assert_eq!(align(text, padding).replace(' ', "."), expected, "{text:?}");
        }
    }

    #[test]
    fn one_wide_cell_does_not_widen_a_million_others() {
        let text = format!("{}\tx\n{}", "w".repeat(1 << 20), "a\tb\n".repeat(1 << 20));
        let aligned = align(&text, 3);
        assert!(aligned.ends_with("\na   b\n"));
        assert!(aligned.len() < 3 * text.len());
    }
}
