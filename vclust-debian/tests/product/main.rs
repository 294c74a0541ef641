//! Products of root directories, compared with what other programs make and read. They need root:
//! owners, devices and `trusted` attributes are part of what must come through.

mod archives;
mod disks;
mod images;
mod roots;
