use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use vclust_debian::{ClusterNetwork, HttpFile, HttpServer, ServiceError};

use crate::place::{Place, addresses, bare, client_with_address, is_open, output, run};

const HEAD: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// A network and a server with one file of 3 MB, named `root.tar`.
fn served(place: &Place) -> (ClusterNetwork, HttpServer, Vec<u8>) {
    let network = place.network(&bare(&addresses(2)));
    let content: Vec<u8> = (0..3_000_017_u32).flat_map(|number| [(number % 251) as u8]).collect();
    let path = place.path().join("image");
    fs::write(&path, &content).unwrap();
    let files = vec![HttpFile { name: "root.tar".to_owned(), path }];
    let server = HttpServer::start(&network, HEAD, 0, files).unwrap();
    (network, server, content)
}

/// The head and the body of the answer to a request, asked in the network of this thread.
fn ask(address: SocketAddrV4, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

#[test]
fn nodes_get_files_whole_and_in_parts_and_nobody_outside_does() {
    let place = Place::new();
    let (network, server, content) = served(&place);
    let address = server.address();
    let node = client_with_address(&place, &network, &addresses(2), 1);
    let target = place.path().join("got");
    let url = format!("http://{address}/root.tar");
    node.enter(|| run("busybox", &["wget", "-q", "-O", target.to_str().unwrap(), &url])).unwrap();
    assert!(fs::read(&target).unwrap() == content, "another file");
    assert_eq!(server.sent_bytes(), content.len() as u64);
    let get = |range: &str| {
        let request = format!("GET /root.tar HTTP/1.1\r\nHost: head\r\nRange: {range}\r\n\r\n");
        node.enter(|| ask(address, &request)).unwrap()
    };
    let (head, body) = get("bytes=1000000-1999999");
    assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
    assert!(head.contains("Content-Range: bytes 1000000-1999999/3000017\r\n"), "{head}");
    assert!(body == content[1_000_000..2_000_000], "another part");
    let (head, body) = get("bytes=3000017-");
    assert!(head.starts_with("HTTP/1.1 416 ") && body.is_empty(), "{head}");
    let whole = "HEAD /root.tar HTTP/1.1\r\n\r\n";
    let (head, body) = node.enter(|| ask(address, whole)).unwrap();
    assert!(head.contains("Content-Length: 3000017\r\n") && body.is_empty(), "{head}");
    let outside = output("busybox", &["wget", "-q", "-T", "1", "-O", "-", &url]);
    assert!(!outside.status.success(), "open outside of the network");
}

#[test]
fn nothing_but_the_table_is_given_out() {
    let place = Place::new();
    let (network, server, _) = served(&place);
    let status = |request: &str| {
        let (head, body) = network.enter(|| ask(server.address(), request)).unwrap();
        assert!(body.is_empty());
        head.split(' ').nth(1).unwrap().to_owned()
    };
    for name in ["", "image", "../etc/passwd", "/etc/passwd", "root.tar/", "%72oot.tar"] {
        assert_eq!(status(&format!("GET /{name} HTTP/1.1\r\n\r\n")), "404", "{name}");
    }
    assert_eq!(status("POST /root.tar HTTP/1.1\r\n\r\n"), "405");
    assert_eq!(status("root.tar\r\n\r\n"), "400");
    assert_eq!(status(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(20_000))), "431");
    assert_eq!(server.sent_bytes(), 0);
}

#[test]
fn many_nodes_are_served_at_a_time() {
    let place = Place::new();
    let (network, server, content) = served(&place);
    let address = server.address();
    // those who say nothing keep nobody else waiting
    let silent: Vec<TcpStream> =
        network.enter(|| (0..100).map(|_| TcpStream::connect(address).unwrap()).collect()).unwrap();
    network
        .enter(|| {
            std::thread::scope(|scope| {
                for _ in 0..64 {
                    scope.spawn(|| {
                        let (_, body) = ask(address, "GET /root.tar HTTP/1.1\r\n\r\n");
                        assert!(body == content);
                    });
                }
            });
        })
        .unwrap();
    assert_eq!(server.sent_bytes(), 64 * content.len() as u64);
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_secs(1), "silent connections hold up the end");
    drop(silent);
    assert!(!network.enter(|| is_open(address)).unwrap());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::new();
    let network = place.network(&bare(&addresses(1)));
    for path in [place.path().join("missing"), place.path().to_owned()] {
        let files = vec![HttpFile { name: "a".to_owned(), path: path.clone() }];
        let error = HttpServer::start(&network, HEAD, 0, files).unwrap_err();
        let ServiceError::Read { path: named, .. } = &error else { panic!("{error}") };
        assert_eq!(*named, path);
    }
}
