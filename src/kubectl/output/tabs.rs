//! Text with tabs as columns: a column is as wide as the widest of the cells that stand in it on
//! neighbouring lines.
//!
//! Upstream: Go's text/tabwriter, as kubectl v1.36 sets it up: spaces, cells to the left.

/// How wide columns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    min: usize,
    padding: usize,
}

/// As `kubectl describe` sets its columns.
pub const DESCRIBE: Widths = Widths { min: 0, padding: 2 };
/// As `kubectl get` sets its columns.
pub const GET: Widths = Widths { min: 6, padding: 3 };

/// `text` with its tabs turned into spaces.
pub fn align(text: &str, widths: Widths) -> String {
    let lines: Vec<Vec<&str>> = text
        .split('\n')
        .map(|line| line.split('\t').collect())
        .collect();
    let mut sizes = vec![Vec::new(); lines.len()];
    measure(&lines, 0, 0..lines.len(), widths, &mut sizes);
    let aligned: Vec<String> = lines
        .iter()
        .zip(&sizes)
        .map(|(cells, sizes)| set(cells, sizes))
        .collect();
    aligned.join("\n")
}

/// Sets the rows of a table of which earlier rows were printed already: no column becomes narrower
/// than it was. Every row has a cell for every column.
pub fn align_on(text: &str, widths: Widths, known: &mut Vec<usize>) -> String {
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    for cells in &lines {
        known.resize(known.len().max(cells.len() - 1), widths.min);
        for (width, cell) in known.iter_mut().zip(&cells[..cells.len() - 1]) {
            *width = (*width).max(cell.chars().count() + widths.padding);
        }
    }
    let aligned = lines.iter().map(|cells| format!("{}\n", set(cells, known)));
    aligned.collect()
}

fn set(cells: &[&str], sizes: &[usize]) -> String {
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        line.push_str(cell);
        let width = sizes.get(at).copied().unwrap_or(0);
        let missing = width.saturating_sub(cell.chars().count());
        line.extend(std::iter::repeat_n(' ', missing));
    }
    line
}

/// Finds the blocks of lines that have a cell in `column` with a tab behind it, sizes the column for
/// each block, and goes on to the right.
fn measure(
    lines: &[Vec<&str>],
    column: usize,
    range: std::ops::Range<usize>,
    widths: Widths,
    sizes: &mut [Vec<usize>],
) {
    let mut at = range.start;
    while at < range.end {
        let ended = |line: usize| lines[line].len() > column + 1;
        if !ended(at) {
            at += 1;
            continue;
        }
        let end = (at..range.end).find(|line| !ended(*line));
        let end = end.unwrap_or(range.end);
        let cells = (at..end).map(|line| lines[line][column].chars().count());
        let widest = cells.map(|cells| cells + widths.padding).max();
        let width = widest.unwrap_or(0).max(widths.min);
        for sizes in &mut sizes[at..end] {
            sizes.push(width);
        }
        measure(lines, column + 1, at..end, widths, sizes);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_where_a_line_has_no_cell() {
        let text =
            "Name:\tx\nNamespace:\tdefault\nContainers:\n  a:\n    Image:\ty\n    Port:\t1\n";
        let want =
            "Name:       x\nNamespace:  default\nContainers:\n  a:\n    Image:  y\n    Port:   1\n";
        assert_eq!(align(text, DESCRIBE), want);
    }

    #[test]
    fn narrow_columns_have_a_least_width() {
        assert_eq!(
            align("A\tNAME\nbb\tlonger\n", GET),
            "A     NAME\nbb    longer\n"
        );
        let three = "NAME\tAGE\tX\nlonger\t5s\ty\n";
        assert_eq!(align(three, GET), "NAME     AGE   X\nlonger   5s    y\n");
    }

    #[test]
    fn later_rows_keep_the_columns() {
        let mut known = Vec::new();
        assert_eq!(align_on("NAME\tX\n", GET, &mut known), "NAME   X\n");
        assert_eq!(align_on("longer\tx\n", GET, &mut known), "longer   x\n");
        assert_eq!(align_on("a\tx\n", GET, &mut known), "a        x\n");
    }

    #[test]
    fn an_empty_cell_keeps_its_place() {
        assert_eq!(
            align("a\t\tb\nccc\td\te\n", DESCRIBE),
            "a       b\nccc  d  e\n"
        );
    }
}
