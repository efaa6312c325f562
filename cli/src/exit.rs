//! The exit codes of every command. They are part of the contract: scripts branch on them.

/// How a run ended. There is no other code: in particular never 101, which a panic would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Fine,
    /// The command worked, and what it looked at is damaged or differs. Never an I/O error.
    Difference,
    /// The command line or the config asks for something that cannot be.
    Usage,
    /// Something around the program stands in the way (or a bug in it); nothing was said about the data.
    Environment,
    /// Refused, because going on could lose or mix up data.
    Refused,
    /// Part of the work is done, and the rest is named.
    Partly,
    /// Ended by SIGINT.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Exit {
    /// All of them with their meaning, for the reference.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Fine, "fine"),
        (Self::Difference, "damage or a difference was found; never an I/O error"),
        (Self::Usage, "usage: the command line, the config or a name in it is wrong; nothing was done"),
        (
            Self::Environment,
            "environment: a file, a store, a credential, a limit of the machine, or a bug of ours",
        ),
        (Self::Refused, "refused for safety"),
        (Self::Partly, "partly done; what was left out is named"),
        (Self::Interrupted, "ended by SIGINT"),
        (Self::Terminated, "ended by SIGTERM"),
    ];

    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Difference => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Refused => 4,
            Self::Partly => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}
