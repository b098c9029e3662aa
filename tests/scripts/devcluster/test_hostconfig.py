from devcluster import hostconfig
from devcluster.hostconfig import Distribution

DEB822 = """\
Types: deb deb-src
# a mirror
URIs: https://mirror.test/debian
Suites: bookworm bookworm-updates trixie
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: https://off.test/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: https://source.test/debian
Suites: bookworm
Components: main
"""


def test_the_distribution() -> None:
    text = 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_CODENAME=bookworm\n'
    assert hostconfig.parse_os_release(text) == Distribution("debian", "bookworm")
    assert hostconfig.parse_os_release("ID=arch\n").codename == ""


def test_deb822_sources_become_lines() -> None:
    assert hostconfig.apt_sources({"debian.sources": DEB822}, "bookworm") == (
        "deb https://mirror.test/debian bookworm main contrib\n"
        "deb https://mirror.test/debian bookworm-updates main contrib\n"
    )


def test_other_archives_are_left_out() -> None:
    files = {
        "sources.list": "deb http://mirror.test/debian bookworm main\n# deb http://no.test bookworm main\n",
        "other.list": "deb https://x.test/apt sdk-bookworm main\ndeb http://x.test/ nodistro main\n",
        "again.list": "deb http://mirror.test/debian bookworm main\n",
    }
    assert hostconfig.apt_sources(files, "bookworm") == "deb http://mirror.test/debian bookworm main\n"


def test_apt_keeps_only_settings_of_downloads() -> None:
    dump = "\n".join(
        [
            'Acquire::http::Proxy "http://proxy.test:3128";',
            'Acquire::Check-Valid-Until "false";',
            'Acquire::Retries "3";',
            'Acquire::cdrom::mount "/media/cdrom/";',
            'APT::Architecture "amd64";',
            'Acquire::https "";',
        ]
    )
    assert [line.split(" ")[0] for line in hostconfig.apt_options(dump)] == [
        "Acquire::http::Proxy",
        "Acquire::Check-Valid-Until",
        "Acquire::Retries",
    ]


def test_pip_settings_are_merged_and_the_environment_wins() -> None:
    files = [
        "[global]\nindex-url = https://one.test\ntimeout = 5\n[list]\nformat = json\n",
        "[global]\ntimeout = 9\n",
    ]
    text = hostconfig.pip_configuration(
        files, {"PIP_INDEX_URL": "https://two.test", "PIP_FIND_LINKS": "/wheels"}
    )
    assert "index-url = https://two.test\n" in text
    assert "timeout = 9\n" in text
    assert "format" not in text
    assert hostconfig.link_folders(text) == ["/wheels"]


def test_only_local_folders_are_mounted() -> None:
    text = hostconfig.pip_configuration([], {"PIP_FIND_LINKS": "https://links.test /a"})
    assert hostconfig.link_folders(text) == ["/a"]
