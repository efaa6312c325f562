//! What changes or checks a tier: upload, verify, commit, restore
