//! The object-store seam of Firnline: open by URL, conditional put, retry and deadline, request accounting, simulated store
