//! Whose a group is.

use firnline_index::Incarnation;
use firnline_index::group::GroupOwner;

/// What to do about a group that is not known to be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is ours: an earlier write of this run has arrived.
    Ours,
    /// It is nobody's, or of a run that is gone: it may be taken.
    Free,
    /// It is that server's, if it is there.
    Of(GroupOwner),
}

/// What the object says about it. `lost_to` is the run that took the group from us, if one did: it lives, or lived longer
/// than our word about it.
pub(crate) fn claim(found: Option<&GroupOwner>, us: &GroupOwner, lost_to: Option<Incarnation>) -> Claim {
    let Some(owner) = found else { return Claim::Free };
    if owner.incarnation == us.incarnation {
        return Claim::Ours;
    }
    let same_address = owner.host == us.host && owner.port == us.port;
    // Only one process can listen there: whoever did is gone. Unless it is an address that several machines have.
    if same_address && lost_to != Some(owner.incarnation) {
        return Claim::Free;
    }
    Claim::Of(owner.clone())
}

#[cfg(test)]
mod tests {
    use firnline_index::NodeId;

    use super::*;

    fn owner(run: u8, port: u16) -> GroupOwner {
        let incarnation = Incarnation::from_bytes([run; 16]);
        GroupOwner { incarnation, node: NodeId::new(1).expect("a node"), host: "h".to_owned(), port }
    }

    #[test]
    fn an_earlier_run_at_our_address_is_gone_and_any_other_may_be_there() {
        let us = owner(1, 9);
        assert_eq!(claim(None, &us, None), Claim::Free);
        assert_eq!(claim(Some(&owner(1, 9)), &us, None), Claim::Ours);
        assert_eq!(claim(Some(&owner(2, 9)), &us, None), Claim::Free);
        assert_eq!(claim(Some(&owner(2, 8)), &us, None), Claim::Of(owner(2, 8)));
        let lost = Some(Incarnation::from_bytes([2; 16]));
        assert_eq!(claim(Some(&owner(2, 9)), &us, lost), Claim::Of(owner(2, 9)));
        assert_eq!(claim(Some(&owner(3, 9)), &us, lost), Claim::Free);
    }
}
