//! Which bytes move to the tier, and when
