//! Objects of every version, kept in the tree: what once was written stays readable. Never edited; the `golden` example
//! writes those of a new version.
