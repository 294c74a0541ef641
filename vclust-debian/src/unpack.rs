//! stand-in
use std::path::{Path,PathBuf};
use crate::deb::*;
#[derive(Debug)]
pub struct UnpackedPackage { pub files: Vec<Vec<u8>>, pub conffiles: Vec<(Vec<u8>,String)>, pub seconds: f64 }
#[derive(Debug, thiserror::Error)]
pub enum UnpackError { #[error("x")] X }
pub fn stand_in(root:&Path, path:&PathBuf) -> UnpackedPackage {
    let start=std::time::Instant::now();
    let st=std::process::Command::new("sh").arg("-c").arg(format!("dpkg-deb --fsys-tarfile {} | tar -xp --keep-directory-symlink -C {}",path.display(),root.display())).status().unwrap();
    assert!(st.success());
    let f=PackageFile::open(path,DebLimits::default()).unwrap();
    let c=f.control().unwrap();
    let mut d=f.data().unwrap(); let mut files=vec![];
    while let Some(e)=d.next_entry().unwrap() { let mut p=b"/".to_vec(); if e.path.is_empty(){p.push(b'.')} else {p.extend(&e.path)}; files.push(p); }
    let conffiles=c.conffiles().unwrap().into_iter().map(|p|{ let full=root.join(std::str::from_utf8(&p).unwrap()); let o=std::process::Command::new("md5sum").arg(&full).output().unwrap().stdout; let mut q=b"/".to_vec(); q.extend(p); (q,String::from_utf8(o).unwrap()[..32].to_owned())}).collect();
    UnpackedPackage{files,conffiles,seconds:start.elapsed().as_secs_f64()}
}
