//! Parts of a command's work that failed while others went on.

use super::{Failure, codes};

/// One failure for all `problems`, each with its own line; `None` where there is none. Where nothing else came of the work
/// and all of them end a run alike, it ends with the first one's code, else with [`codes::INCOMPLETE`].
pub fn several(problems: &[Failure], something_is_fine: bool) -> Option<Failure> {
    let first = problems.first()?;
    let all_alike = problems.iter().all(|problem| problem.exit() == first.exit());
    let code = if all_alike && !something_is_fine { first.code } else { codes::INCOMPLETE };
    let what = match problems.len() {
        1 => "1 partition was left out, or in part".to_owned(),
        n => format!("{n} partitions were left out, or in part"),
    };
    let mut failure = Failure::new(&code, what);
    failure.notes =
        problems.iter().map(|problem| format!("[{}] {}", problem.code.id, problem.sentence())).collect();
    Some(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn the_code_is_the_problems_own_only_where_nothing_else_was_done() {
        let of = |code| Failure::new(&code, "a/0: it is so");
        let alike = [of(codes::LOG_DAMAGED), of(codes::LOG_DAMAGED)];
        let mixed = [of(codes::LOG_DAMAGED), of(codes::LOG_DIR)];
        assert!(several(&[], false).is_none());
        assert_eq!(several(&alike, false).unwrap().exit(), Exit::Difference);
        assert_eq!(several(&alike, true).unwrap().exit(), Exit::Partly);
        assert_eq!(several(&mixed, false).unwrap().exit(), Exit::Partly);
        let failure = several(&mixed, true).unwrap();
        assert_eq!(failure.notes, ["[FIRN-L003] a/0: it is so", "[FIRN-L001] a/0: it is so"]);
    }
}
