//! Columns for people.

/// Rows whose columns line up: text to the left, numbers to the right.
#[derive(Debug, Default)]
pub struct Table {
    heads: Vec<&'static str>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns. A head that begins with `>` is of numbers: the column is set to the right.
    pub fn new(heads: &[&'static str]) -> Self {
        Self {
            heads: heads.iter().map(|head| head.strip_prefix('>').unwrap_or(head)).collect(),
            right: heads.iter().map(|head| head.starts_with('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; as many cells as there are columns.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.heads.len(), "a row has the table's columns");
        self.rows.push(cells.into());
    }

    /// The lines, the heads first, without space at the end.
    pub fn lines(&self) -> Vec<String> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.heads[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for (column, cell) in cells.enumerate() {
                let width = widths[column];
                let cell =
                    if self.right[column] { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
                if column > 0 {
                    line.push_str("  ");
                }
                line.push_str(&cell);
            }
            line.trim_end().to_owned()
        };
        let mut lines = vec![line(&mut self.heads.iter().copied())];
        lines.extend(self.rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(&["topic", ">bytes"]);
        table.row(["a".into(), "1".into()]);
        table.row(["longer".into(), "12345".into()]);
        assert_eq!(table.lines(), ["topic   bytes", "a           1", "longer  12345"]);
    }
}
