#!/usr/bin/env python3
"""Checks the emulator with botocore, a client that shares no code with the emulator.

From the root of the repository:

    python3 -m venv .tools/venv
    .tools/venv/bin/pip install -r crates/emulator/tests/botocore/requirements.txt
    cargo build -p zonekeeper-emulator
    .tools/venv/bin/python crates/emulator/tests/botocore/check.py target/debug/route53-emulator

The program prints one line for each check, and `N passed, N failed` at the end. The exit code is 1 if a check failed.
It needs no network and no AWS account, because the emulator listens on 127.0.0.1.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError

ZONE, NAME = "Z0123456789EXAMPLE", "c.test"
KEEPER, HUMAN = "AKIAKEEPER", "AKIAHUMAN"
RESULTS = []


class Emulator:
    """The emulator as a process, with clients for it."""

    def __init__(self, binary, *args):
        command = [binary, "--zone", f"{ZONE}={NAME}", "--keeper-access-key", KEEPER, *args]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.url = json.loads(line)["url"]

    def client(self, key=HUMAN):
        return boto3.client(
            "route53",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
        )

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def stop(self):
        """Ends the process, and returns its exit code and standard error."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


def check(title):
    """A decorator that runs a function as a check at once, with a new emulator."""

    def run(function):
        emulator = None
        try:
            emulator = Emulator(BINARY, *getattr(function, "args", UNLIMITED))
            function(emulator)
            error = None
        except Exception as problem:  # noqa: BLE001: any error means a failed check
            error = f"{type(problem).__name__}: {problem}"
        finally:
            if emulator is not None and emulator.process.poll() is None:
                emulator.stop()
        RESULTS.append(error is None)
        print(f"{'ok    ' if error is None else 'FAILED'} {title}" + (f": {error}" if error else ""), flush=True)
        return function

    return run


def started_with(*args):
    def mark(function):
        function.args = args
        return function

    return mark


UNLIMITED = ("--account-requests", "unlimited", "--account-changes", "unlimited")


def a(name, *values, ttl=300, **more):
    values = values or ("192.0.2.1",)
    records = [{"Value": value} for value in values]
    return {"Name": name, "Type": "A", "TTL": ttl, "ResourceRecords": records} | more


def of(rtype, name, *values, ttl=300, **more):
    return a(name, *values, ttl=ttl, **more) | {"Type": rtype}


def alias(name, zone, target, rtype="A", health=False):
    target = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": health}
    return {"Name": name, "Type": rtype, "AliasTarget": target}


def change(client, *changes, zone=ZONE, **more):
    changes = [{"Action": action, "ResourceRecordSet": record_set} for action, record_set in changes]
    return client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes} | more)


def refused(call, code, message=None, status=400):
    """Checks that the emulator refuses a call with this code, message and status."""
    try:
        call()
    except ClientError as error:
        got = error.response["Error"]
        assert got["Code"] == code, f"code {got}"
        assert message is None or got["Message"] == message, f"message {got['Message']!r}, expected {message!r}"
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error.response
        return
    raise AssertionError(f"accepted, expected {code}")


def no_batch(client, message, *changes):
    """Checks that the emulator rejects a batch with this message, and that the zone stays the same."""
    before = everything(client)
    refused(lambda: change(client, *changes), "InvalidChangeBatch", message)
    assert everything(client) == before, "a refused batch changed the zone"


def pages(client, size=300, zone=ZONE):
    """All pages of a listing. All three Next fields lead to the next page."""
    position = {}
    while True:
        page = client.list_resource_record_sets(HostedZoneId=zone, MaxItems=str(size), **position)
        yield page
        if not page["IsTruncated"]:
            return
        following = {
            f"StartRecord{field}": page[f"NextRecord{field}"]
            for field in ("Name", "Type", "Identifier")
            if f"NextRecord{field}" in page
        }
        assert following != position, f"the listing stands still at {position}"
        position = following


def everything(client, size=300, zone=ZONE):
    return [record_set for page in pages(client, size, zone) for record_set in page["ResourceRecordSets"]]


def find(client, name, rtype="A"):
    return [s for s in everything(client) if s["Name"] == name and s["Type"] == rtype]


def equal(got, expected):
    assert got == expected, f"{got!r}, expected {expected!r}"


def main():
    @check("a new zone holds NS (172800 s, four servers) and SOA (900 s)")
    def _(emulator):
        ns, soa = everything(emulator.client())
        equal((ns["Type"], ns["TTL"], len(ns["ResourceRecords"])), ("NS", 172800, 4))
        equal((soa["Type"], soa["TTL"]), ("SOA", 900))

    @check("CREATE, then a second CREATE is refused")
    def _(emulator):
        client = emulator.client()
        info = change(client, ("CREATE", a("WWW.c.test")), Comment="why")["ChangeInfo"]
        equal((info["Status"], info["Comment"]), ("PENDING", "why"))
        equal(find(client, "www.c.test."), [a("www.c.test.")])
        text = "[Tried to create resource record set [name='www.c.test.', type='A'] but it already exists]"
        no_batch(client, text, ("CREATE", a("www.c.test", "192.0.2.9", ttl=60)))

    @check("CREATE with a set identifier names it when it is refused")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("w.c.test", SetIdentifier="one", Weight=1)))
        text = (
            "[Tried to create resource record set [name='w.c.test.', type='A', set-identifier='one'] "
            "but it already exists]"
        )
        no_batch(client, text, ("CREATE", a("w.c.test", SetIdentifier="one", Weight=2)))

    @check("UPSERT creates, replaces and repeats")
    def _(emulator):
        client = emulator.client()
        for record_set in (a("a.c.test"), a("a.c.test", "192.0.2.2", "192.0.2.3", ttl=60)) * 2:
            change(client, ("UPSERT", record_set))
        equal(find(client, "a.c.test."), [a("a.c.test.", "192.0.2.2", "192.0.2.3", ttl=60)])

    @check("DELETE compares all values, the TTL and the routing")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("a.c.test")), ("CREATE", a("w.c.test", SetIdentifier="one", Weight=1)))
        text = (
            "[Tried to delete resource record set [name='a.c.test.', type='A'] "
            "but the values provided do not match the current values]"
        )
        no_batch(client, text, ("DELETE", a("a.c.test", ttl=60)))
        no_batch(client, text, ("DELETE", a("a.c.test", "192.0.2.2")))
        text = "[Tried to delete resource record set [name='b.c.test.', type='A'] but it was not found]"
        no_batch(client, text, ("DELETE", a("b.c.test")))
        text = (
            "[Tried to delete resource record set [name='w.c.test.', type='A', set-identifier='one'] "
            "but the values provided do not match the current values]"
        )
        no_batch(client, text, ("DELETE", a("w.c.test", SetIdentifier="one", Weight=2)))
        change(client, ("DELETE", a("a.c.test")), ("DELETE", a("w.c.test", SetIdentifier="one", Weight=1)))
        equal(len(everything(client)), 2)

    @check("DELETE and CREATE of one key in one batch replace it")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("a.c.test")))
        change(client, ("DELETE", a("a.c.test")), ("CREATE", a("a.c.test", "192.0.2.2")))
        equal(find(client, "a.c.test."), [a("a.c.test.", "192.0.2.2")])
        change(client, ("DELETE", a("a.c.test", "192.0.2.2")), ("CREATE", of("CNAME", "a.c.test", "b.test")))
        equal(find(client, "a.c.test."), [])

    @check("one key twice in a batch is refused")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("a.c.test")))
        text = "[The request contains an invalid set of changes for a resource record set 'A a.c.test.']"
        for first, second in (("CREATE", "CREATE"), ("DELETE", "DELETE"), ("DELETE", "UPSERT"), ("UPSERT", "UPSERT")):
            no_batch(client, text, (first, a("a.c.test")), (second, a("A.c.test.")))

    @check("a batch is all or nothing, and every fault is named")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("old.c.test")))
        text = (
            "[RRSet with DNS name evilc.test. is not permitted in zone c.test., "
            "Tried to create resource record set [name='old.c.test.', type='A'] but it already exists, "
            "Tried to delete resource record set [name='none.c.test.', type='A'] but it was not found]"
        )
        changes = [("CREATE", a(name)) for name in ("new.c.test", "old.c.test", "evilc.test")]
        no_batch(client, text, *changes, ("DELETE", a("none.c.test")))

    @check(r"a wildcard is listed as \052, and found in both forms")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("*.c.test")))
        for name in ("*.c.test", r"\052.c.test"):
            page = client.list_resource_record_sets(
                HostedZoneId=ZONE, StartRecordName=name, StartRecordType="A", MaxItems="1"
            )
            equal(page["ResourceRecordSets"], [a(r"\052.c.test.")])
        text = rf"[Tried to create resource record set [name='\052.c.test.', type='A'] but it already exists]"
        no_batch(client, text, ("CREATE", a(r"\052.c.test.")))

    @check("record sets are listed by reversed labels, dot included, then type")
    def _(emulator):
        client = emulator.client()
        names = ["b.c.test", "b-b.c.test", "x.b.c.test", "b0.c.test", "a.c.test"]
        change(client, *[("CREATE", a(name)) for name in names], ("CREATE", of("TXT", "b.c.test", '"x"')))
        listed = [(s["Name"], s["Type"]) for s in everything(client)][2:]
        expected = ["a.c.test.", "b-b.c.test.", "b.c.test.", "b.c.test.", "x.b.c.test.", "b0.c.test."]
        equal([name for name, _ in listed], expected)
        equal([rtype for _, rtype in listed][2:4], ["A", "TXT"])

    @check("more than 300 record sets are paged, also inside a weighted group")
    def _(emulator):
        client = emulator.client()
        change(client, *[("CREATE", a(f"n{n}.c.test")) for n in range(400)])
        change(client, *[("CREATE", a("w.c.test", SetIdentifier=f"id {n}", Weight=1)) for n in range(90)])
        for size in (1000, 300, 100, 7):
            listed = everything(client, size)
            keys = {(s["Name"], s["Type"], s.get("SetIdentifier")) for s in listed}
            equal((len(listed), len(keys)), (492, 492))
        first = client.list_resource_record_sets(HostedZoneId=ZONE, MaxItems="1000")
        equal((len(first["ResourceRecordSets"]), first["MaxItems"], first["IsTruncated"]), (300, "300", True))
        assert "NextRecordIdentifier" not in first
        default = client.list_resource_record_sets(HostedZoneId=ZONE)
        equal((len(default["ResourceRecordSets"]), default["MaxItems"]), (100, "100"))
        inside = client.list_resource_record_sets(HostedZoneId=ZONE, StartRecordName="w.c.test", MaxItems="5")
        position = [inside[f"NextRecord{field}"] for field in ("Name", "Type", "Identifier")]
        equal(position, ["w.c.test.", "A", "id 13"])

    @check("a CNAME stands alone and not at the apex")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("a.c.test")), ("CREATE", of("CNAME", "cn.c.test", "b.test")))
        text = (
            "[RRSet of type CNAME with DNS name a.c.test. is not permitted as it conflicts with other records with "
            "the same DNS name in zone c.test.]"
        )
        no_batch(client, text, ("CREATE", of("CNAME", "a.c.test", "b.test")))
        text = (
            "[RRSet of type TXT with DNS name cn.c.test. is not permitted because a conflicting RRSet of type CNAME "
            "with the same DNS name already exists in zone c.test.]"
        )
        no_batch(client, text, ("UPSERT", of("TXT", "cn.c.test", '"x"')))
        text = "[RRSet of type CNAME with DNS name c.test. is not permitted at apex in zone c.test.]"
        no_batch(client, text, ("CREATE", of("CNAME", "c.test", "b.test")))

    @check("routing policies do not mix, and weighted sets share a TTL")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("s.c.test")), ("CREATE", a("w.c.test", SetIdentifier="one", Weight=1)))
        text = (
            "[RRSet with DNS name s.c.test., type A, SetIdentifier one cannot be created as a non-weighted set exists "
            "with the same name and type.]"
        )
        no_batch(client, text, ("CREATE", a("s.c.test", SetIdentifier="one", Weight=1)))
        text = (
            "[RRSet with DNS name w.c.test., type A cannot be created as other RRSets exist with the same name and "
            "type.]"
        )
        no_batch(client, text, ("UPSERT", a("w.c.test")))
        text = (
            "[RRSet with DNS name w.c.test., type A, SetIdentifier two cannot be created as weighted sets must contain "
            "the same TTL.]"
        )
        no_batch(client, text, ("CREATE", a("w.c.test", ttl=60, SetIdentifier="two", Weight=1)))
        text = (
            "[RRSet with DNS name w.c.test., type A, SetIdentifier eu, and Region Name=eu-west-1 cannot be created "
            "because a non-latency RRSet with the same name and type already exists.]"
        )
        no_batch(client, text, ("CREATE", a("w.c.test", SetIdentifier="eu", Region="eu-west-1")))

    @check("every routing policy survives a round trip")
    def _(emulator):
        client = emulator.client()
        cidr = {"CollectionId": "c8c02a84-aaaa-bbbb-e0d2-d833a2f80106", "LocationName": "*"}
        place = {"Coordinates": {"Latitude": "49.22", "Longitude": "-74.01"}, "Bias": -10}
        sets = [
            a("cidr.c.test.", SetIdentifier="s", CidrRoutingConfig=cidr),
            a("failover.c.test.", SetIdentifier="s", Failover="PRIMARY", HealthCheckId="h"),
            a("geo.c.test.", SetIdentifier="s", GeoLocation={"CountryCode": "US", "SubdivisionCode": "CA"}),
            a("latency.c.test.", SetIdentifier="s", Region="eu-west-1"),
            a("multi.c.test.", SetIdentifier="s", MultiValueAnswer=True),
            a("place.c.test.", SetIdentifier="s", GeoProximityLocation=place),
            a("weighted.c.test.", SetIdentifier="s <&> \"'", Weight=0),
        ]
        change(client, *[("CREATE", record_set) for record_set in sets])
        equal(everything(client)[2:], sets)
        change(client, *[("DELETE", record_set) for record_set in sets])

    @check("an alias needs its target, and has no TTL")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("t.c.test")))
        start = f"Tried to create an alias that targets lb.aws.test., type A in zone {ZONE}, but "
        text = f"[{start}the alias target name does not lie within the target zone, {start}that target was not found]"
        no_batch(client, text, ("CREATE", alias("al.c.test", ZONE, "lb.aws.test")))
        change(
            client,
            ("CREATE", alias("al.c.test", ZONE, "T.c.test")),
            ("CREATE", alias("c.test", "Z32O12XQLNTSW2", "lb-1.eu-west-1.elb.amazonaws.com", "AAAA", True)),
        )
        listed = everything(client)
        equal(listed[0]["AliasTarget"]["DNSName"], "lb-1.eu-west-1.elb.amazonaws.com.")
        assert "TTL" not in listed[0] and "ResourceRecords" not in listed[0]
        data = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
        here = "in Change with [Action=CREATE, Name=x.c.test, Type=A, SetIdentifier=null]"
        both = alias("x.c.test", ZONE, "t.c.test") | {"TTL": 60}
        refused(
            lambda: change(client, ("CREATE", both)),
            "InvalidInput",
            f"Invalid request: {data}, but found more than one {here}",
        )
        neither = {"Name": "x.c.test", "Type": "A"}
        refused(
            lambda: change(client, ("CREATE", neither)), "InvalidInput", f"Invalid request: {data}, but found none {here}"
        )

    @check("apex NS and SOA stay")
    def _(emulator):
        client = emulator.client()
        ns, soa = everything(client)
        text = (
            "[A HostedZone must contain at least one NS record for the zone itself., "
            "A HostedZone must contain exactly one SOA record.]"
        )
        no_batch(client, text, ("DELETE", ns), ("DELETE", soa))
        change(client, ("UPSERT", ns | {"TTL": 60}))

    @check("values are checked")
    def _(emulator):
        client = emulator.client()
        table = [
            (
                a("a.c.test", "192.0.2"),
                "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '192.0.2'",
            ),
            (
                of("TXT", "a.c.test", "plain"),
                "InvalidCharacterString (Value should be enclosed in quotation marks) encountered with 'plain'",
            ),
            (
                of("TXT", "a.c.test", f'"{"x" * 256}"'),
                f"CharacterStringTooLong (Value is too long) encountered with '\"{'x' * 256}\"'",
            ),
        ]
        for record_set, problem in table:
            no_batch(client, f"[Invalid Resource Record: FATAL problem: {problem}]", ("CREATE", record_set))
        no_batch(
            client,
            "[Duplicate Resource Record: '192.0.2.1']",
            ("CREATE", a("a.c.test", "192.0.2.1", "192.0.2.1")),
        )
        label = "x" * 64
        text = f"[FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '{label}']"
        no_batch(client, text, ("CREATE", a(f"{label}.c.test")))
        texts = ['"a b" "c"', '"say \\"hi\\" \\\\ \\303\\244 <&>"', f'"{"x" * 255}"']
        change(client, ("CREATE", of("TXT", "txt.c.test", *texts)))
        equal(find(client, "txt.c.test.", "TXT"), [of("TXT", "txt.c.test.", *texts)])

    @check("limits: 1,000 records, an alias counts one, an UPSERT twice")
    def _(emulator):
        client = emulator.client()
        text = "[Number of records limit of 1000 exceeded.]"

        def batch(action, n, make=a):
            return [(action, make(f"n{i}.c.test")) for i in range(n)]

        def to_lb(name):
            return alias(name, "Z1", "lb.test")

        no_batch(client, text, *batch("CREATE", 1001))
        no_batch(client, text, *batch("UPSERT", 501))
        no_batch(client, text, *batch("CREATE", 1001, to_lb))
        no_batch(client, text, *batch("UPSERT", 501, to_lb))
        change(client, *batch("CREATE", 1000))
        change(client, *batch("UPSERT", 500))

    @check("limits: 32,000 characters, an UPSERT twice, an alias none; 400 values")
    def _(emulator):
        client = emulator.client()
        text = "[RDATA character limit of 32000 exceeded.]"

        def batch(action, n):
            value = " ".join([f'"{"x" * 247}"'] * 8)  # 8 * 249 + 7 = 1,999 characters
            return [(action, of("TXT", f"n{i}.c.test", value)) for i in range(n)]

        no_batch(client, text, *batch("CREATE", 17))
        no_batch(client, text, *batch("UPSERT", 9))
        aliases = [("CREATE", alias(f"a{i}.c.test", "Z1", f"{'y' * 60}.test")) for i in range(900)]
        change(client, *batch("UPSERT", 8), *aliases)
        values = [f"192.0.{i // 256}.{i % 256}" for i in range(401)]
        no_batch(client, "[Cannot have more than 400 records in a RRSet.]", ("CREATE", a("v.c.test", *values)))

    @check("a comment has at most 256 characters, a batch at least one change")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("a.c.test")), Comment="ä" * 256)
        refused(lambda: change(client, ("CREATE", a("b.c.test")), Comment="x" * 257), "InvalidInput")
        try:
            change(client)
        except (ClientError, ParamValidationError):
            return
        raise AssertionError("an empty batch was accepted")

    @check("a full zone refuses CREATE and takes UPSERT")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("a.c.test")))
        emulator.control("PATCH", f"zone/{ZONE}", {"record_limit": 3})
        no_batch(client, f"[Exceeded limit MAX_RRSETS_BY_ZONE for zone: {ZONE}]", ("CREATE", a("b.c.test")))
        change(client, ("UPSERT", a("a.c.test", "192.0.2.2")))
        limit = client.get_hosted_zone_limit(HostedZoneId=ZONE, Type="MAX_RRSETS_BY_ZONE")
        equal((limit["Limit"], limit["Count"]), ({"Type": "MAX_RRSETS_BY_ZONE", "Value": 3}, 3))

    @check("a protection fails the whole batch and shows its comment")
    def _(emulator):
        client = emulator.client()
        protection = {"name": "p.c.test", "type": "A", "comment": "ask the platform team"}
        emulator.control("PUT", f"zone/{ZONE}/protection", protection)
        text = "[Resource record set [name='p.c.test.', type='A'] is protected: ask the platform team]"
        no_batch(client, text, ("CREATE", a("a.c.test")), ("CREATE", a("p.c.test")))
        emulator.control("DELETE", f"zone/{ZONE}/protection", {"name": "p.c.test", "type": "A"})
        change(client, ("CREATE", a("a.c.test")), ("CREATE", a("p.c.test")))

    @check("a zone that is disabled for mutation refuses every change")
    def _(emulator):
        client = emulator.client()
        emulator.control("PATCH", f"zone/{ZONE}", {"disabled_for_mutation": True})
        text = f"HostedZone {ZONE} is marked disabled for mutation"
        refused(lambda: change(client, ("CREATE", a("a.c.test"))), "InvalidInput", text)
        emulator.control("PATCH", f"zone/{ZONE}", {"disabled_for_mutation": False})
        change(client, ("CREATE", a("a.c.test")))

    @check("GetChange goes from PENDING to INSYNC")
    @started_with(*UNLIMITED, "--insync-after", "86400000")
    def _(emulator):
        client = emulator.client()
        change_id = change(client, ("CREATE", a("a.c.test")))["ChangeInfo"]["Id"]
        assert change_id.startswith("/change/C"), change_id
        equal(client.get_change(Id=change_id)["ChangeInfo"]["Status"], "PENDING")
        emulator.control("PUT", "insync-after", {"millis": 0})
        equal(client.get_change(Id=change_id)["ChangeInfo"]["Status"], "INSYNC")
        client.get_waiter("resource_record_sets_changed").wait(Id=change_id)
        refused(lambda: client.get_change(Id="C404"), "NoSuchChange", status=404)

    @check("GetHostedZone shows delegation set and count, with and without id prefix")
    def _(emulator):
        client = emulator.client()
        for zone_id in (ZONE, f"/hostedzone/{ZONE}"):
            zone = client.get_hosted_zone(Id=zone_id)
            equal((zone["HostedZone"]["Id"], zone["HostedZone"]["Name"]), (f"/hostedzone/{ZONE}", "c.test."))
            equal(zone["HostedZone"]["ResourceRecordSetCount"], 2)
            servers = zone["DelegationSet"]["NameServers"]
            listed = [record["Value"] for record in everything(client)[0]["ResourceRecords"]]
            equal([f"{server}." for server in servers], listed)
        refused(lambda: client.get_hosted_zone(Id="Z404"), "NoSuchHostedZone", "No hosted zone found with ID: Z404", 404)
        refused(lambda: change(client, ("CREATE", a("a.c.test")), zone="Z404"), "NoSuchHostedZone", status=404)

    @check("a private zone shows that it is private")
    @started_with(*UNLIMITED, "--private-zone", "ZPRIVATE=c.test")
    def _(emulator):
        zone = emulator.client().get_hosted_zone(Id="ZPRIVATE")
        equal(zone["HostedZone"]["Config"]["PrivateZone"], True)
        assert "DelegationSet" not in zone

    @check("ListHostedZones pages by marker, ListHostedZonesByName by reversed name")
    @started_with(*UNLIMITED, "--zone", "ZB=b.test", "--zone", "ZA=a.b.test", "--zone", "ZX=b.test")
    def _(emulator):
        client = emulator.client()
        page = client.list_hosted_zones(MaxItems="2")
        equal((len(page["HostedZones"]), page["IsTruncated"], page["MaxItems"]), (2, True, "2"))
        listed = client.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 1})
        ids = [zone["Id"] for page in listed for zone in page["HostedZones"]]
        equal(ids, [f"/hostedzone/{zone}" for zone in (ZONE, "ZA", "ZB", "ZX")])
        page = client.list_hosted_zones_by_name(DNSName="b.test", MaxItems="2")
        equal([zone["Id"] for zone in page["HostedZones"]], ["/hostedzone/ZB", "/hostedzone/ZX"])
        equal((page["DNSName"], page["NextDNSName"], page["NextHostedZoneId"]), ("b.test", "a.b.test.", "ZA"))
        page = client.list_hosted_zones_by_name(DNSName="a.b.test", HostedZoneId="ZA")
        equal([zone["Id"] for zone in page["HostedZones"]], ["/hostedzone/ZA", f"/hostedzone/{ZONE}"])

    @check("tags of one zone and of several")
    def _(emulator):
        client = emulator.client()
        emulator.control("PATCH", f"zone/{ZONE}", {"tags": {"team": "dns"}})
        tags = [{"Key": "team", "Value": "dns"}]
        one = client.list_tags_for_resource(ResourceType="hostedzone", ResourceId=ZONE)["ResourceTagSet"]
        equal((one["ResourceType"], one["ResourceId"], one["Tags"]), ("hostedzone", ZONE, tags))
        many = client.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[ZONE])["ResourceTagSets"]
        equal([entry["Tags"] for entry in many], [tags])

    @check("too many requests are throttled")
    @started_with("--account-requests", "0/2", "--account-changes", "unlimited")
    def _(emulator):
        client = emulator.client()
        client.list_hosted_zones()
        client.list_hosted_zones()
        refused(client.list_hosted_zones, "Throttling", "Rate exceeded")

    @check("too many changes are throttled; an UPSERT costs two")
    @started_with("--account-requests", "unlimited", "--account-changes", "0/5")
    def _(emulator):
        client = emulator.client()
        change(client, ("UPSERT", a("a.c.test")), ("UPSERT", a("b.c.test")))
        refused(lambda: change(client, ("UPSERT", a("a.c.test"))), "Throttling", "Rate exceeded")
        change(client, ("CREATE", a("c.c.test")))
        refused(lambda: change(client, ("CREATE", a("d.c.test"))), "Throttling", "Rate exceeded")

    @check("faults: an answer is lost after the commit, an error comes instead")
    def _(emulator):
        client = emulator.client()
        lost = {"operation": "ChangeResourceRecordSets", "times": 1, "effect": "close_after"}
        emulator.control("POST", "faults", lost)
        try:
            change(client, ("CREATE", a("a.c.test")))
        except ConnectionClosedError:
            pass
        else:
            raise AssertionError("answered")
        equal(len(find(client, "a.c.test.")), 1)
        error = {"status": 503, "code": "ServiceUnavailable", "message": "later"}
        emulator.control("POST", "faults", {"times": 1, "effect": {"refuse": error}})
        refused(client.list_hosted_zones, "ServiceUnavailable", "later", 503)

    @check("the journal shows requests and accepted changes")
    def _(emulator):
        client = emulator.client()
        change(client, ("CREATE", a("a.c.test")), Comment="plan 1")
        emulator.client("AKIAOTHER").list_resource_record_sets(HostedZoneId=ZONE, StartRecordName="a.c.test")
        journal = emulator.control("GET", "journal")
        requests = [(r["operation"], r["access_key"], r["status"]) for r in journal["requests"]]
        equal(requests, [("ChangeResourceRecordSets", HUMAN, 200), ("ListResourceRecordSets", "AKIAOTHER", 200)])
        equal(journal["requests"][1]["parameters"], {"name": "a.c.test"})
        [entry] = journal["changes"]
        equal((entry["action"], entry["before"], entry["after"]), ("CREATE", None, a("a.c.test.")))
        equal((entry["comment"], entry["access_key"]), ("plan 1", HUMAN))

    @check("the wall: a DELETE by the keeper is refused, reported, and ends the process with 3")
    def _(emulator):
        keeper = emulator.client(KEEPER)
        change(keeper, ("CREATE", a("a.c.test")), ("UPSERT", a("b.c.test")))
        refused(lambda: change(keeper, ("DELETE", a("a.c.test"))), "AccessDenied", status=403)
        [violation] = emulator.control("GET", "violations")
        equal((violation["access_key"], violation["zone_id"]), (KEEPER, ZONE))
        change(emulator.client(HUMAN), ("DELETE", a("a.c.test")))
        equal(len(emulator.control("GET", "violations")), 1)
        code, errors = emulator.stop()
        equal(code, 3)
        assert "violation: {" in errors, errors

    @check("without violations the process ends with 0")
    def _(emulator):
        change(emulator.client(KEEPER), ("CREATE", a("a.c.test")))
        equal(emulator.stop()[0], 0)

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "zone.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"ResourceRecordSets": [a("a.c.test."), alias("b.c.test.", ZONE, "a.c.test.")]}, file)

        @check("a listing of the AWS CLI is loaded")
        @started_with(*UNLIMITED, "--load", path)
        def _(emulator):
            equal(everything(emulator.client())[2:], [a("a.c.test."), alias("b.c.test.", ZONE, "a.c.test.")])

    outside = subprocess.run([BINARY, "--listen", "0.0.0.0:0"], capture_output=True, text=True, check=False, timeout=30)
    RESULTS.append(outside.returncode == 1 and "not a loopback address" in outside.stderr)
    print(f"{'ok    ' if RESULTS[-1] else 'FAILED'} it refuses to listen on other than loopback addresses")

    failed = RESULTS.count(False)
    print(f"{RESULTS.count(True)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    BINARY = sys.argv[1]
    sys.exit(main())
