import socket
import threading

from devcluster import dnsprobe

NAME = "kubernetes.default.svc.cluster.local"


def test_a_query_is_one_question_for_an_address() -> None:
    packet = dnsprobe.query("a.bc", 7)
    assert packet == b"\0\x07\1\0\0\1\0\0\0\0\0\0" + b"\1a\2bc\0" + b"\0\1\0\1"


def test_answers() -> None:
    answer = b"\0\x07\x81\x80\0\1\0\1\0\0\0\0"
    assert dnsprobe.has_answer(answer, 7)
    assert not dnsprobe.has_answer(answer, 8)
    assert not dnsprobe.has_answer(answer[:11], 7)
    assert not dnsprobe.has_answer(b"\0\x07\x81\x83\0\1\0\1\0\0\0\0", 7), "NXDOMAIN"
    assert not dnsprobe.has_answer(b"\0\x07\x81\x80\0\1\0\0\0\0\0\0", 7), "no record"


def test_nobody_answers() -> None:
    assert dnsprobe.main("127.0.0.1", NAME, port=9) == 1


def test_a_server_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            packet, client = server.recvfrom(512)
            server.sendto(packet[:2] + b"\x81\x80\0\1\0\1" + packet[8:], client)

        thread = threading.Thread(target=serve)
        thread.start()
        assert dnsprobe.main("127.0.0.1", NAME, port=server.getsockname()[1]) == 0
        thread.join()
