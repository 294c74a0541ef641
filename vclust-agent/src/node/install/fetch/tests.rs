use std::net::TcpListener;
use std::sync::Arc;

use super::super::spool::Spool;
use super::*;

/// An archive that everybody knows: its bytes, and the order for it.
fn archive(from: ImageSource) -> (Vec<u8>, ImageArchive) {
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number * 7 / 3) as u8).collect();
    let sha256 = hexadecimal(&Sha256::digest(&content));
    let image = ImageArchive { bytes: content.len() as u64, sha256, from };
    (content, image)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A head node that sends at most so many bytes for each request, and then hangs up. Answers where it
/// is, and where it notes the requests' first bytes.
fn head(content: Vec<u8>, most: usize) -> (HttpSource, Arc<std::sync::Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let mut first = 0;
            for line in lines.by_ref() {
                let line = line.unwrap();
                if let Some(range) = line.strip_prefix("Range: bytes=") {
                    first = range.split('-').next().unwrap().parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            noted.lock().unwrap().push(first);
            let (last, length) = (content.len() - 1, content.len());
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{length}\r\n\r\n"
            );
            let _ = connection.write_all(head.as_bytes());
            let end = length.min(first + most);
            let _ = connection.write_all(&content[first..end]);
        }
    });
    (HttpSource { server, path: "/image".to_owned() }, asked)
}

fn fetched(image: &ImageArchive) -> Result<Vec<u8>, AgentError> {
    let mut got = Vec::new();
    fetch(image, &mut |bytes| {
        got.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok(got)
}

/// A node that has an archive as far as `there`, and its port.
fn node(content: &[u8], image: &ImageArchive, there: usize) -> (Box<chain::Chain>, u16) {
    let port = free_port();
    let chain = chain::serve(port, image).unwrap();
    chain.spool.keep_in(tempfile::tempfile().unwrap());
    chain.spool.append(&content[..there]).unwrap();
    (chain, port)
}

fn order(port: u16, before: &[&str], head: &HttpSource) -> ImageSource {
    let before = before.iter().map(|&address| address.to_owned()).collect();
    ImageSource::Chain { port, before, head: head.clone() }
}

#[test]
fn a_head_node_that_hangs_up_is_asked_for_the_rest() {
    let (content, _) = archive(ImageSource::Nfs { file: String::new() });
    let (head, asked) = head(content.clone(), 1_000_000);
    let (_, image) = archive(ImageSource::Http(head));
    assert_eq!(fetched(&image).unwrap(), content);
    assert_eq!(*asked.lock().unwrap(), [0, 1_000_000, 2_000_000]);
}

#[test]
fn a_node_passes_on_what_it_receives_while_it_receives_it() {
    let nobody = HttpSource { server: "127.0.0.1:1".to_owned(), path: "/".to_owned() };
    let (content, plain) = archive(ImageSource::Nfs { file: String::new() });
    let (first, port) = node(&content, &plain, 0);
    let (_, image) = archive(order(port, &["127.0.0.1"], &nobody));
    let spool: Arc<Spool> = Arc::clone(&first.spool);
    let source = content.clone();
    let feeding = thread::spawn(move || {
        for piece in source.chunks(400_000) {
            thread::sleep(Duration::from_millis(20));
            spool.append(piece).unwrap();
        }
    });
    assert_eq!(fetched(&image).unwrap(), content);
    feeding.join().unwrap();
    first.close();
}

#[test]
fn a_node_that_dies_is_passed_over_and_the_head_node_goes_on_where_it_ended() {
    let (content, plain) = archive(ImageSource::Nfs { file: String::new() });
    let (head, asked) = head(content.clone(), usize::MAX >> 1);
    let (dying, port) = node(&content, &plain, 1_234_567);
    let (_, image) = archive(order(port, &["127.0.0.1"], &head));
    let dies = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        dying.spool.end();
    });
    assert_eq!(fetched(&image).unwrap(), content);
    dies.join().unwrap();
    assert_eq!(*asked.lock().unwrap(), [1_234_567]);
}

#[test]
fn a_node_that_falls_silent_is_passed_over() {
    let (content, _) = archive(ImageSource::Nfs { file: String::new() });
    let (head, asked) = head(content.clone(), usize::MAX >> 1);
    // takes connections and never says anything
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (_, image) = archive(order(port, &["127.0.0.1"], &head));
    let taking = thread::spawn(move || silent.accept().unwrap());
    let start = Instant::now();
    // it is the nearest, so it may just be coming up; after that it is given up
    let got = fetched(&image).unwrap();
    assert!(start.elapsed() > Duration::from_secs(3));
    assert_eq!(got, content);
    assert_eq!(*asked.lock().unwrap(), [0]);
    drop(taking.join().unwrap());
}

#[test]
fn an_archive_with_another_digest_is_refused() {
    let (mut content, _) = archive(ImageSource::Nfs { file: String::new() });
    content[77] ^= 1;
    let (head, _) = head(content, usize::MAX >> 1);
    let (_, image) = archive(ImageSource::Http(head));
    let error = fetched(&image).unwrap_err().to_string();
    assert!(error.starts_with("the archive has the digest"), "{error}");
}

#[test]
fn answers_that_are_not_what_was_asked_for_are_refused() {
    let check = |text: &str, wanted: Range<u64>| check_head(&mut text.as_bytes(), &wanted).is_ok();
    assert!(check("HTTP/1.1 200 OK\r\n\r\n", 0..5));
    assert!(!check("HTTP/1.1 200 OK\r\n\r\n", 1..5));
    assert!(check("HTTP/1.1 206 P\r\ncontent-range: bytes 1-4/5\r\n\r\n", 1..5));
    assert!(!check("HTTP/1.1 206 P\r\nContent-Range: bytes 0-4/5\r\n\r\n", 1..5));
    assert!(!check("HTTP/1.1 404 Not Found\r\n\r\n", 0..5));
    assert!(!check("HTTP/1.1 200 OK\r\n", 0..5));
    assert!(!check("", 0..5));
}
