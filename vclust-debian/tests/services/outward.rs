use std::io::Read;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::place::{Place, addresses, bare, is_open, run};

#[test]
fn a_way_out_leads_to_the_outside_and_not_to_its_loopback() {
    let place = Place::new();
    let addresses = addresses(2);
    // another network is the outside
    let mut plan = bare(&addresses);
    plan.head = "192.0.2.1".parse().unwrap();
    plan.prefix = 24;
    let outside = place.network(&plan);
    outside
        .enter(|| {
            run("ip", &["route", "add", "default", "dev", "br0"]);
            let listener = TcpListener::bind("192.0.2.1:7000").unwrap();
            let loopback = TcpListener::bind("127.0.0.1:7001").unwrap();
            let network = place.network(&bare(&addresses));
            let closed = network.enter(|| is_open("192.0.2.1:7000".parse().unwrap()));
            assert!(!closed.unwrap(), "open without a way out");
            let outward = network.outward(&addresses, &place.mark, place.path()).unwrap();
            assert_eq!(outward.gateway.to_string(), "10.77.0.2");
            let said = network.enter(|| {
                let mut stream = TcpStream::connect("192.0.2.1:7000").unwrap();
                stream.write_all(b"hello").unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let (mut accepted, _) = listener.accept().unwrap();
                let mut said = [0; 5];
                accepted.read_exact(&mut said).unwrap();
                said
            });
            assert_eq!(said.unwrap(), *b"hello");
            let gateway = format!("{}:7001", outward.gateway).parse().unwrap();
            assert!(!network.enter(|| is_open(gateway)).unwrap(), "the host's loopback is open");
            drop(loopback);
            assert!(outward.process.is_alive());
        })
        .unwrap();
}
