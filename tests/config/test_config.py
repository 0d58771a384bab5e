"""The conf file: what it says, and everything that is wrong with it."""

from pathlib import Path
from textwrap import dedent

import pytest
from attrs import evolve

from proxy.campaign.observation import GroupNames
from proxy.campaign.policy import Attribute, By, ConfiguredGroup, Control, Notify, Policy
from proxy.config import (
    AdminOptions,
    Config,
    ConfigError,
    Limits,
    OnMalformed,
    Store,
    TEventsChannel,
    check,
    load,
    parse,
)
from proxy.errors import OurError

TEVENTS = """
[tevents]
listen = tcp:7001
upstream = tcp:tserver1:7000
communication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 4114
"""


def problems(text: str) -> list[str]:
    """Everything that is wrong with a conf file, in order."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def lines(*values: str) -> str:
    """A value of several lines."""
    return "\n    ".join(values)


def test_the_least_a_conf_file_says() -> None:
    """With [tevents] alone everything else is the default: nothing is completed, nothing is changed."""
    assert parse(TEVENTS) == Config(
        tevents=TEventsChannel(
            listen=("tcp:7001",),
            upstream=("tcp:tserver1:7000",),
            communication_dn="OCS_CommDN",
            application="tevent-proxy",
            application_dbid=4114,
            wire="open",
        ),
        policy=Policy(by=By.NOBODY),
        groups=(),
        store=Store("memory:"),
        admin=None,
        limits=Limits(5.0, 20000, 1048576, OnMalformed.RELAY),
    )


def test_everything_a_conf_file_can_say() -> None:
    """Every option arrives, with its type."""
    config = parse(
        TEVENTS.replace("7001", "7001\n  tcp:7002:interface=127.0.0.1").replace("tcp:tserver1", "tls:tserver1")
        + dedent("""
        wire = open
        [completion]
        by = proxy
        control = tevents
        attribute = add
        settle = 0.5
        settle_dialed = 1
        answer_timeout = 2
        attempts = 4
        hold_for_callbacks = no
        complete_untouched = yes
        stale_after = 5
        notify = never
        notify_wait = 0
        [group Sales@Agents]
        dbid = 101
        campaign_id = 102
        group_id = 732
        complete = no
        [store]
        url = memory:
        [admin]
        listen = tcp:9101
                 unix:/run/admin
        [limits]
        connect_timeout = 1.5
        max_sessions = 2
        max_frame = 3
        on_malformed = close
        """)
    )
    policy = Policy(
        by=By.PROXY,
        control=Control.TEVENTS,
        attribute=Attribute.ADD,
        settle=0.5,
        settle_dialed=1.0,
        answer_timeout=2.0,
        attempts=4,
        hold_for_callbacks=False,
        complete_untouched=True,
        stale_after=5.0,
        notify=Notify.NEVER,
        notify_wait=0.0,
    )
    assert config.tevents is not None
    assert config.tevents.listen == ("tcp:7001", "tcp:7002:interface=127.0.0.1")
    assert config.tevents.upstream == ("tls:tserver1:7000",)
    assert config.policy == policy
    (group,) = config.groups
    assert group.names == GroupNames(dbid=101, campaign_id=102, group_id=732, name="Sales@Agents")
    assert group.policy == evolve(policy, complete=False)
    assert config.admin == AdminOptions(("tcp:9101", "unix:/run/admin"))
    assert config.limits == Limits(1.5, 2, 3, OnMalformed.CLOSE)


def test_a_group_has_its_own_options_and_else_those_of_completion() -> None:
    """What a [group] does not say it takes from [completion], wherever in the file that stands."""
    config = parse(
        f"{TEVENTS}\n[group A@B]\ndbid = 1\nsettle = 7\n[completion]\nby = proxy\nsettle = 5\nattempts = 9\n"
    )
    assert config.policy == Policy(by=By.PROXY, settle=5, attempts=9)
    assert config.groups == (
        ConfiguredGroup(GroupNames(dbid=1, name="A@B"), Policy(by=By.PROXY, settle=7, attempts=9)),
    )


def test_all_problems_at_once_with_section_and_key() -> None:
    """An operator mends the whole file in one go: every problem is told, in the order of the lines."""
    assert problems("""
[tevents]
listen = tcp:http
         tcp:7001
         nowhere:1
upstream = ssl:tserver1:7000
comunication_dn = OCS_CommDN
application = tevent-proxy
application_dbid = 0
wire = closed
[completion]
settle = soon
by = me
complete = no
control = ocs-https
[witnes]
[group]
[store]
url = file:/tmp/groups.db
[limits]
attempts = 3
connect_timeout = 0
on_malformed = drop
""") == [
        "[tevents] communication_dn: missing",
        "[tevents] listen: no port from 0 to 65535: 'tcp:http'; "
        "not an endpoint to listen on: 'nowhere:1' (Unknown endpoint type: 'nowhere')",
        "[tevents] upstream: ssl: verifies nothing when it connects; use tls: 'ssl:tserver1:7000'",
        "[tevents] comunication_dn: unknown key; is communication_dn meant?",
        "[tevents] application_dbid: not a whole number from 1 to 2147483647: '0'",
        "[tevents] wire: no wire format of that name is installed: 'closed' (there are: open)",
        "[completion] settle: not a number of seconds: 'soon'",
        "[completion] by: not one of proxy, dialer, nobody: 'me'",
        "[completion] complete: unknown here; it is an option of [group ...]",
        "[completion] control: not one of tevents, direct, ocs-http: 'ocs-https'",
        "[witnes]: unknown section",
        "[group]: a group needs its name: [group Campaign@Group]",
        "[store] url: 'file:...' is no store that is known (there are: memory:, sqlite:PATH, redis://HOST)",
        "[limits] attempts: unknown here; it is an option of [completion] and [group ...]",
        "[limits] connect_timeout: more than 0 seconds are wanted: nothing can be answered at once",
        "[limits] on_malformed: not one of relay, close: 'drop'",
    ]


@pytest.mark.parametrize("section", ["digital", "DEFAULT"])
def test_channels_that_are_not_there_yet_are_unknown(section: str) -> None:
    """A section of a channel this version does not have is an error, not silence."""
    assert problems(f"{TEVENTS}\n[{section}]\n") == [f"[{section}]: unknown section"]


def test_misspelt_sections_are_guessed() -> None:
    """A misspelt section is told with the one that is likely meant."""
    assert problems(f"{TEVENTS}\n[limit]\n[Completion]\n") == [
        "[limit]: unknown section; is limits meant?",
        "[Completion]: unknown section; is completion meant?",
    ]


def test_a_proxy_without_a_channel_is_refused() -> None:
    """A conf file that would relay nothing is an error."""
    assert problems("[admin]\nlisten = tcp:9101\n") == [
        "[tevents]: missing, and there is no other channel: nothing would be relayed"
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("settle = -1", "settle: seconds, from 0 on, are wanted: '-1'"),
        ("settle = inf", "settle: seconds, from 0 on, are wanted: 'inf'"),
        ("settle = nan", "settle: seconds, from 0 on, are wanted: 'nan'"),
        ("settle =", "settle: not a number of seconds: ''"),
        ("attempts = 0", "attempts: not a whole number from 1 to 2147483647: '0'"),
        ("attempts = 1.5", "attempts: not a whole number from 1 to 2147483647: '1.5'"),
        ("hold_for_callbacks = true", "hold_for_callbacks: neither yes nor no: 'true'"),
        ("notify = always", "notify: not one of missing, never: 'always'"),
        ("control = gws", "control: not one of tevents, direct, ocs-http: 'gws'"),
        ("answer_timeout = 0", "answer_timeout: more than 0 seconds are wanted: nothing can be answered at once"),
    ],
)
def test_values_that_are_wrong(line: str, problem: str) -> None:
    """A wrong value is told with what was wanted and what was found."""
    assert problems(f"{TEVENTS}\n[completion]\n{line}\n") == [f"[completion] {problem}"]


@pytest.mark.parametrize(
    ("listen", "problem"),
    [
        ("7001", "not an endpoint to listen on: '7001' (Unknown endpoint type: '7001')"),
        ("tcp", "not an endpoint to listen on: 'tcp' (missing 1 required positional argument: 'port')"),
        ("tcp:70000", "no port from 0 to 65535: 'tcp:70000'"),
        ("tcp:port=x", "no port from 0 to 65535: 'tcp:port=x'"),
        ("tcp6:70000", "no port from 0 to 65535: 'tcp6:70000'"),
        ("ssl:70000:privateKey=x", "no port from 0 to 65535: 'ssl:70000:privateKey=x'"),
        ("tcp:1:interfaze=x", "not an endpoint to listen on: 'tcp:1:interfaze=x' (got an unexpected keyword argument"),
        ("ssl:1:privateKey=/nowhere.pem", "'ssl:1:privateKey=/nowhere.pem': No such file or directory: /nowhere.pem"),
        ("", "not an endpoint to listen on: '' (Unknown endpoint type: '')"),
    ],
)
def test_places_to_listen_that_are_wrong(listen: str, problem: str) -> None:
    """An endpoint that could not listen is told by check, not by the service at night."""
    (found,) = problems(TEVENTS.replace("tcp:7001", listen))
    assert found.startswith(f"[tevents] listen: {problem}")


def test_a_private_key_that_is_none(tmp_path: Path) -> None:
    """A certificate file that holds something else is told, too."""
    (tmp_path / "server.pem").write_text("no key")
    (found,) = problems(TEVENTS.replace("tcp:7001", f"ssl:7001:privateKey={tmp_path}/server.pem"))
    assert found.startswith("[tevents] listen: not an endpoint to listen on")


@pytest.mark.parametrize(
    ("upstream", "problem"),
    [
        ("tserver1:7000", "not an endpoint to connect to: 'tserver1:7000' (Unknown endpoint type: 'tserver1')"),
        ("tcp:tserver1", "not an endpoint to connect to: 'tcp:tserver1' (missing 1 required positional argument"),
        ("tcp:tserver1:0", "no port from 1 to 65535: 'tcp:tserver1:0'"),
        ("tls:tserver1:70000", "no port from 1 to 65535: 'tls:tserver1:70000'"),
        ("tcp::7000", "no host: 'tcp::7000'"),
        ("tls:host=:port=7000", "no host: 'tls:host=:port=7000'"),
        ("tls:tserver1:7000:trustRoots=/nowhere", "'tls:tserver1:7000:trustRoots=/nowhere': "),
    ],
)
def test_upstreams_that_are_wrong(upstream: str, problem: str) -> None:
    """An upstream that could never be reached is told by check."""
    (found,) = problems(TEVENTS.replace("tcp:tserver1:7000", upstream))
    assert found.startswith(f"[tevents] upstream: {problem}")


@pytest.mark.parametrize("endpoint", ["tcp:host=a:port=1", r"tcp:\:\:1:1", "unix:/tmp/x", "tls:a:1:timeout=3"])
def test_upstreams_that_are_right(endpoint: str) -> None:
    """All the ways Twisted knows to write an endpoint are understood."""
    config = parse(TEVENTS.replace("tcp:tserver1:7000", endpoint))
    assert config.tevents is not None
    assert config.tevents.upstream == (endpoint,)


def test_groups_that_the_proxy_completes_need_their_dbid() -> None:
    """N3: over T-Events a group is stopped by its DBID; one that the proxy does not complete needs none."""
    for_all = "[completion]\nby = proxy\n"
    missing = "[group A@B] dbid: missing: control = tevents cannot complete the group without it (or: complete = no)"
    assert problems(f"{TEVENTS}\n{for_all}[group A@B]\ncampaign_id = 1\ngroup_id = 2\n") == [missing]
    assert problems(f"{TEVENTS}\n[group A@B]\nby = proxy\n") == [missing]
    assert len(parse(f"{TEVENTS}\n{for_all}[group A@B]\ncomplete = no\n[group C@D]\nby = dialer\n").groups) == 2


def test_two_groups_share_no_name() -> None:
    """What is heard of one group would be taken for another's: names are theirs alone."""
    assert problems(f"""{TEVENTS}
[group A@B]
dbid = 1
campaign_id = 2
group_id = 3
[group C@D]
campaign_id = 2
group_id = 3
dbid = 1
[group  A@B]
campaign_id = 2
group_id = 4
""") == [
        "[group C@D] group_id: campaign_id and group_id are those of [group A@B]",
        "[group C@D] dbid: the same as in [group A@B]",
        "[group  A@B]: the same as in [group A@B]",
    ]


def test_half_a_pair_of_ids_is_no_name() -> None:
    """A campaign without its agent group names no group, and the other way round."""
    assert problems(f"{TEVENTS}\n[group A@B]\ncampaign_id = 2\n[group C@D]\ngroup_id = 2\n") == [
        "[group A@B] group_id: missing: campaign_id alone names no group",
        "[group C@D] campaign_id: missing: group_id alone names no group",
    ]


def test_what_stands_twice_is_told() -> None:
    """Sections and keys that stand twice are problems: nobody could say which holds."""
    assert problems(f"{TEVENTS}\nwire = open\nwire = open\n[limits]\n[limits]\nmax_frame = x\n") == [
        "[tevents] wire: stands in line 9 already",
        "[limits]: stands in line 11 already",
        "[limits] max_frame: not a whole number from 1 to 2147483647: 'x'",
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and one that is not text are told like any other problem."""
    with pytest.raises(OurError, match="cannot be read: No such file or directory"):
        load(tmp_path / "nowhere.conf")
    (tmp_path / "latin.conf").write_bytes(b"[tevents]\nlisten = \xe9\n")
    with pytest.raises(ConfigError, match=r"is not UTF-8: .* at byte 19"):
        load(tmp_path / "latin.conf")


def test_folders_are_looked_for_where_the_proxy_is_to_run(tmp_path: Path) -> None:
    """`check` wants the folders of traces and of the store to be there; who only reads the file does not."""
    text = (
        f"{TEVENTS}trace = {tmp_path}/away/trace\n"
        f"[direct]\nlisten = tcp:7005\nupstream = tcp:ocs1:7004\ntrace = {tmp_path}/trace\n"
        f"[store]\nurl = sqlite:{tmp_path}/gone/groups.db\n"
    )
    conf = tmp_path / "proxy.conf"
    conf.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check(conf)
    assert caught.value.lines("F") == [
        f"F:8: [tevents] trace: there is no folder {tmp_path}/away",
        f"F:14: [store] url: there is no folder {tmp_path}/gone",
    ]
    (tmp_path / "away").mkdir()
    (tmp_path / "gone").mkdir()
    assert load(conf) == parse(text) == check(conf)


def test_a_folder_that_is_a_file_is_none(tmp_path: Path) -> None:
    """A file in the place of the folder helps nobody."""
    conf = tmp_path / "proxy.conf"
    conf.write_text(f"{TEVENTS}trace = {conf}/trace\n")
    with pytest.raises(ConfigError) as caught:
        check(conf)
    assert [str(problem) for problem in caught.value.problems] == [f"[tevents] trace: there is no folder {conf}"]


def test_a_port_is_listened_at_once() -> None:
    """Two sections, or two lines of one, that listen at the same port are told, each where it stands again."""
    assert problems(f"""{TEVENTS.replace("tcp:7001", lines("tcp:7001", "tcp:7009", "tcp:7001"))}
[direct]
listen = tcp:7005
upstream = tcp:ocs1:7004
[ocs-http]
listen = tcp:7080
reports = tcp:7005:interface=127.0.0.1
          tcp:7080
upstream = http://ocs1:8080
[admin]
listen = tcp:7009:interface=127.0.0.1
         unix:/run/admin
         tcp:0
         tcp:0
""") == [
        "[tevents] listen: tcp:7001: listened at already by [tevents] listen",
        "[ocs-http] reports: tcp:7005:interface=127.0.0.1: listened at already by [direct] listen, at tcp:7005",
        "[ocs-http] reports: tcp:7080: listened at already by [ocs-http] listen",
        "[admin] listen: tcp:7009:interface=127.0.0.1: listened at already by [tevents] listen, at tcp:7009",
    ]


def test_a_port_at_two_addresses_is_two() -> None:
    """One port at two interfaces is for two sections."""
    one, other = "tcp:7001:interface=10.1.1.5", "tcp:7001:interface=127.0.0.1"
    config = parse(f"{TEVENTS.replace('tcp:7001', one)}\n[admin]\nlisten = {other}\n")
    assert config.admin == AdminOptions((other,))


def test_an_upstream_is_not_the_proxy_itself() -> None:
    """A proxy that would connect to itself, and again from there, is refused; whatever section listens there."""
    assert problems(f"""{TEVENTS.replace("tcp:tserver1:7000", lines("tcp:tserver1:7001", "tcp:localhost:7001"))}
[direct]
listen = tcp:7005:interface=10.1.1.5
upstream = tls:10.1.1.5:7001
[ocs-http]
listen = tcp:7080
reports = tcp:7081
upstream = http://127.0.0.1:7080
forward_reports = http://[::ffff:127.0.0.1]:7081/reports
""") == [
        "[tevents] upstream: tcp:localhost:7001: the proxy itself, which listens there: [tevents] listen",
        "[direct] upstream: tls:10.1.1.5:7001: the proxy itself, which listens there: [tevents] listen",
        "[ocs-http] upstream: tcp:127.0.0.1:7080: the proxy itself, which listens there: [ocs-http] listen",
        r"[ocs-http] forward_reports: tcp:\:\:ffff\:127.0.0.1:7081: the proxy itself, which listens there: "
        "[ocs-http] reports",
    ]
