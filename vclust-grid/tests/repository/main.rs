//! The repository of images, as builders, users and crashes find it.

mod basics;
mod clusters;
mod collecting;
mod crashes;
mod exporting;
mod made;
mod planning;
mod processes;
mod verifying;
