#!/usr/bin/env python3
"""Checks the assumptions of zonekeeper about Route 53 on a real hosted zone.

    make verify-aws ZONE=Z0123456789ABCDEFGHIJ

The assumptions are those of docs/reference/assumptions.md, by number. Use a scratch zone, which serves no clients. The program
writes only below one name with a random part, and deletes nothing. At the end it prints the command that deletes its
record sets, and you run this command. Region and credentials come from the environment, as for every AWS tool. The
client is botocore, which shares no code with zonekeeper. The program prints one line for each assumption: it holds, it
does not hold, or it could not be checked.

Exit code 0: every checked assumption holds. 1: an assumption does not hold. 2: nothing was checked.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
import time

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# The hosted zone ids for aliases to load balancers in eu-west-1 and to CloudFront (API reference of
# AliasTarget).
LOAD_BALANCERS, CLOUDFRONT = "Z32O12XQLNTSW2", "Z2FDTNDATAQYW2"
# Error codes that depend on the caller or the moment, and not on an assumption.
NOT_THE_SERVICE = ("AccessDenied", "AccessDeniedException", "Throttling", "ThrottlingException", "ServiceUnavailable")
PREFIX = "zk-verify-"
CHECKS = []


class Wrong(Exception):
    """An assumption does not hold."""


class Unknown(Exception):
    """A check could not test its assumption."""


class Scratch:
    """A zone, and one name in it. The checks write only below this name."""

    def __init__(self, client, zone_id):
        self.client, self.id = client, zone_id
        zone = client.get_hosted_zone(Id=zone_id)["HostedZone"]
        self.zone = zone["Name"].rstrip(".")
        self.name = f"{PREFIX}{secrets.token_hex(4)}.{self.zone}"
        self.last_change = None
        # Whether the check of A1 holds. If it does not, a refused batch can leave a thousand records.
        self.is_atomic = False

    def below(self, label):
        """A name below the scratch name. Each check has its own label."""
        return f"{label}.{self.name}"

    def count(self):
        return self.client.get_hosted_zone(Id=self.id)["HostedZone"]["ResourceRecordSetCount"]

    def pages(self, size="300", **start):
        while True:
            page = self.client.list_resource_record_sets(HostedZoneId=self.id, MaxItems=size, **start)
            yield page
            if not page["IsTruncated"]:
                return
            fields = ("Name", "Type", "Identifier")
            start = {f"StartRecord{of}": page[f"NextRecord{of}"] for of in fields if f"NextRecord{of}" in page}

    def sets(self, name=None):
        """The record sets at and below a name, in the order of the zone. The default is the scratch name."""
        name = name or self.name
        for page in self.pages(StartRecordName=name):
            for record_set in page["ResourceRecordSets"]:
                if not is_at_or_below(record_set["Name"], name):
                    return
                yield record_set

    def others(self):
        """The record sets that are neither the zone's own nor from an earlier run."""
        for page in self.pages():
            for record_set in page["ResourceRecordSets"]:
                is_own = record_set["Name"].rstrip(".") == self.zone and record_set["Type"] in ("NS", "SOA")
                label = record_set["Name"].rstrip(".").removesuffix(f".{self.zone}").rsplit(".", 1)[-1]
                if not is_own and not label.startswith(PREFIX):
                    yield record_set

    def send(self, *changes):
        for action, record_set in changes:
            assert action in ("CREATE", "UPSERT") and is_at_or_below(record_set["Name"], self.name)
        batch = [{"Action": action, "ResourceRecordSet": record_set} for action, record_set in changes]
        sent = self.client.change_resource_record_sets(
            HostedZoneId=self.id, ChangeBatch={"Changes": batch, "Comment": "zonekeeper verify-aws"}
        )
        self.last_change = sent["ChangeInfo"]["Id"]

    def accepts(self, *changes):
        try:
            self.send(*changes)
        except ClientError as error:
            raise judged(error, "it is refused") from None

    def refuses(self, *changes, says=None):
        """The message of a refusal. It must contain `says`."""
        try:
            self.send(*changes)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("InvalidChangeBatch", "InvalidInput"):
                raise judged(error, "it is refused otherwise") from None
            message = error.response["Error"]["Message"]
            if says and says not in message:
                raise Wrong(f"it is refused with other words: {message}") from None
            return message
        raise Wrong("it is accepted")

    def limits(self, *changes):
        """The message about the size of a batch. Route 53 refuses the batch in any case, because a set in it exists."""
        there = a(self.below("there"))
        self.accepts(("UPSERT", there))
        try:
            self.refuses(("CREATE", there))
        except Wrong:
            self.is_atomic = False
        if not self.is_atomic:
            raise Unknown("that a refused batch writes nothing (A1, A2) was not seen")
        message = self.refuses(*changes, ("CREATE", there))
        return message.replace(existing(there), "").strip("[], ")


def text_of(error):
    return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"


def judged(error, what):
    """`Wrong` if an error disproves an assumption, otherwise `Unknown`."""
    is_other = error.response["Error"]["Code"] in NOT_THE_SERVICE
    return Unknown(text_of(error)) if is_other else Wrong(f"{what}: {text_of(error)}")


def is_at_or_below(listed, name):
    listed, name = listed.rstrip(".").lower(), name.rstrip(".")
    return listed == name or listed.endswith(f".{name}")


def a(name, *values, ttl=300, rtype="A", **more):
    records = [{"Value": value} for value in values or ("192.0.2.1",)]
    return {"Name": name, "Type": rtype, "TTL": ttl, "ResourceRecords": records} | more


def weighted(name, identifier, **more):
    return a(name, **more) | {"SetIdentifier": identifier, "Weight": 1}


def alias(name, zone, target, rtype="A", health=True):
    target = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": health}
    return {"Name": name, "Type": rtype, "AliasTarget": target}


def existing(record_set):
    return (
        f"Tried to create resource record set [name='{record_set['Name']}.', type='{record_set['Type']}'] "
        "but it already exists"
    )


def equal(found, expected):
    if found != expected:
        raise Wrong(f"found {found!r}, expected {expected!r}")


def check(number, title):
    """A decorator that makes a function the check of an assumption. The function may return the text of a refusal."""

    def register(function):
        CHECKS.append((number, title, function))
        return function

    return register


@check("A1", "a batch is carried out whole or not at all")
def _(zone):
    there, new = a(zone.below("a1-there")), a(zone.below("a1-new"))
    zone.accepts(("CREATE", there))
    # An existing set, an invalid value, and a violated rule between sets.
    cname = a(there["Name"], "example.com", rtype="CNAME")
    for bad in (there, a(zone.below("a1-bad"), "no address"), cname):
        zone.refuses(("CREATE", new), ("CREATE", bad))
        equal(list(zone.sets(new["Name"])), [])
    zone.is_atomic = True


@check("A2", "CREATE never overwrites, and the refusal names the set")
def _(zone):
    there = a(zone.below("a2"))
    zone.accepts(("CREATE", there))
    other = a(there["Name"], "192.0.2.2", ttl=60)
    equal(zone.refuses(("CREATE", other)), f"[{existing(there)}]")
    equal(values(zone.sets(there["Name"])), [["192.0.2.1"]])


@check("A3", "a refusal names the set also where it has a set identifier")
def _(zone):
    there = weighted(zone.below("a3"), "one")
    zone.accepts(("CREATE", there))
    return zone.refuses(("CREATE", there), says=f"name='{there['Name']}.'")


@check("A4", "an UPSERT that repeats what is there is accepted")
def _(zone):
    same = a(zone.below("a4"))
    zone.accepts(("UPSERT", same))
    zone.accepts(("UPSERT", same))
    equal(len(list(zone.sets(same["Name"]))), 1)


@check("A5", "one key occurs once in a batch")
def _(zone):
    twice = a(zone.below("a5"))
    zone.refuses(("UPSERT", twice), ("UPSERT", twice), says="invalid set of changes")


@check("A6", "an UPSERT may change the routing under one set identifier")
def _(zone):
    name = zone.below("a6")
    zone.accepts(("CREATE", weighted(name, "one")))
    zone.accepts(("UPSERT", a(name) | {"SetIdentifier": "one", "Region": "eu-west-1"}))
    equal([found.get("Region") for found in zone.sets(name)], ["eu-west-1"])


@check("A7", "a CNAME stands alone")
def _(zone):
    address, cname = a(zone.below("a7-a")), a(zone.below("a7-cname"), "example.com", rtype="CNAME")
    zone.accepts(("CREATE", address), ("CREATE", cname))
    zone.refuses(("CREATE", cname | {"Name": address["Name"]}), says="type CNAME")
    zone.refuses(("CREATE", a(cname["Name"], '"x"', rtype="TXT")), says="type CNAME")


@check("A8", "routing policies do not mix, and weighted sets share a TTL")
def _(zone):
    simple, one = a(zone.below("a8-simple")), weighted(zone.below("a8-weighted"), "one")
    zone.accepts(("CREATE", simple), ("CREATE", one))
    zone.refuses(("CREATE", weighted(simple["Name"], "one")))
    zone.refuses(("CREATE", a(one["Name"])))
    zone.refuses(("CREATE", weighted(one["Name"], "two", ttl=60)), says="same TTL")


@check("A40", "regions and roles are unique, and the record sets after the whole request count")
def _(zone):
    def role(role, identifier):
        return a(zone.below("a40")) | {"SetIdentifier": identifier, "Failover": role}

    zone.accepts(("CREATE", role("PRIMARY", "one")), ("CREATE", role("SECONDARY", "two")))
    zone.refuses(("UPSERT", role("PRIMARY", "two")))
    zone.accepts(("UPSERT", role("SECONDARY", "one")), ("UPSERT", role("PRIMARY", "two")))
    name = zone.below("a40-ttl")
    zone.accepts(*[("CREATE", weighted(name, identifier)) for identifier in ("one", "two")])
    zone.refuses(("UPSERT", weighted(name, "one", ttl=60)))
    zone.accepts(*[("UPSERT", weighted(name, identifier, ttl=60)) for identifier in ("one", "two")])
    region = a(zone.below("a40-region")) | {"SetIdentifier": "one", "Region": "eu-west-1"}
    zone.refuses(("CREATE", region), ("CREATE", region | {"SetIdentifier": "two"}))


@check("A9", "a request holds 1,000 values: an alias counts one, an UPSERT twice, and nothing limits the changes")
def _(zone):
    def batch(action, count, make):
        return [(action, make(zone.below(f"a9-{n}"))) for n in range(count)]

    def to_balancer(name):
        return alias(name, LOAD_BALANCERS, "lb-0.eu-west-1.elb.amazonaws.com")

    text = "Number of records limit of 1000 exceeded."
    # Each batch has one more change: a CREATE for which Route 53 refuses the batch in any case.
    for action, count, make, expected in [
        ("CREATE", 999, a, ""),
        ("CREATE", 1000, a, text),
        ("CREATE", 1000, to_balancer, text),
        ("UPSERT", 499, a, ""),
        ("UPSERT", 500, a, text),
    ]:
        found = zone.limits(*batch(action, count, make))
        if (text in found) != bool(expected):
            raise Wrong(f"{count} {action} of {make.__name__} and one more: {found or 'no limit is named'}")


@check("A10", "a request holds 32,000 characters of values: an alias has none, an UPSERT counts twice")
def _(zone):
    text = "RDATA character limit of 32000 exceeded."
    value = " ".join([f'"{"x" * 247}"'] * 8)  # 8 * 249 + 7 = 1,999 characters
    aliases = [
        ("CREATE", alias(zone.below(f"a10-alias-{n}"), LOAD_BALANCERS, f"{'y' * 60}.eu-west-1.elb.amazonaws.com"))
        for n in range(100)
    ]
    for action, count, more, expected in [
        ("CREATE", 15, aliases, ""),
        ("CREATE", 17, [], text),
        ("UPSERT", 7, aliases, ""),
        ("UPSERT", 9, [], text),
    ]:
        texts = [(action, a(zone.below(f"a10-{n}"), value, rtype="TXT")) for n in range(count)]
        found = zone.limits(*texts, *more)
        if (text in found) != bool(expected):
            raise Wrong(f"{count} {action} of 1,999 characters, {len(more)} aliases: {found or 'no limit is named'}")


@check("A11", "a set holds 400 values, each of them once")
def _(zone):
    name = zone.below("a11")
    words = zone.refuses(("CREATE", a(name, "192.0.2.1", "192.0.2.1")))
    many = [f"198.18.{n // 256}.{n % 256}" for n in range(401)]
    zone.refuses(("CREATE", a(name, *many)))
    zone.accepts(("CREATE", a(name, *many[:400])))
    return words


@check("A12", "an alias to a load balancer is accepted whether that exists or not, and read back as written")
def _(zone):
    name, target = zone.below("a12"), "zonekeeper-verify-0.eu-west-1.elb.amazonaws.com"
    zone.accepts(*[("CREATE", alias(name, LOAD_BALANCERS, target.title(), rtype)) for rtype in ("A", "AAAA")])
    equal([found["AliasTarget"]["DNSName"] for found in zone.sets(name)], [f"{target}."] * 2)


@check("A13", "an alias lies within the zone of its target, and CloudFront's has no health")
def _(zone):
    name = zone.below("a13")
    balancer, distribution = "lb-0.eu-west-1.elb.amazonaws.com", "d111111abcdef8.cloudfront.net"
    zone.refuses(("CREATE", alias(name, CLOUDFRONT, balancer, health=False)), says="does not lie within")
    return zone.refuses(("CREATE", alias(name, CLOUDFRONT, distribution)))


@check("A16", "record sets are listed by reversed labels, dot included, then type")
def _(zone):
    top = zone.below("a16")
    names = [f"b.{top}", f"b-b.{top}", f"x.b.{top}", f"b0.{top}", f"a.{top}"]
    zone.accepts(*[("CREATE", a(name)) for name in names], ("CREATE", a(names[0], '"x"', rtype="TXT")))
    found = [(found["Name"].removesuffix(f".{top}."), found["Type"]) for found in zone.sets(top)]
    equal(found, [("a", "A"), ("b-b", "A"), ("b", "A"), ("b", "TXT"), ("x.b", "A"), ("b0", "A")])


@check("A17", r"a wildcard is listed as \052 and found in both spellings; names are listed in lower case")
def _(zone):
    top = zone.below("a17")
    zone.accepts(("CREATE", a(f"*.{top}")), ("CREATE", a(f"_UPPER.{top}")))
    equal(sorted(found["Name"] for found in zone.sets(top)), [rf"\052.{top}.", f"_upper.{top}."])
    for spelling in (f"*.{top}", rf"\052.{top}"):
        page = next(zone.pages(size="1", StartRecordName=spelling, StartRecordType="A"))
        equal([found["Name"] for found in page["ResourceRecordSets"]], [rf"\052.{top}."])


@check("A18", r"a wildcard stands where the text \052 does: after digits, before letters")
def _(zone):
    top = zone.below("a18")
    zone.accepts(*[("CREATE", a(f"{label}.{top}")) for label in ("0", "*", "a")])
    equal([found["Name"].split(".")[0] for found in zone.sets(top)], ["0", r"\052", "a"])


@check("A19", "pages hold 300 sets at most, 100 unless more are asked for, and continue inside a weighted group")
def _(zone):
    name = zone.below("a19")
    zone.accepts(*[("CREATE", weighted(name, identifier)) for identifier in ("one", "three", "two")])
    equal(next(zone.pages(size="1000"))["MaxItems"], "300")
    equal(zone.client.list_resource_record_sets(HostedZoneId=zone.id)["MaxItems"], "100")
    found, pages = [], zone.pages(size="1", StartRecordName=name)
    for _ in range(3):
        found += [record_set["SetIdentifier"] for record_set in next(pages)["ResourceRecordSets"]]
    equal(found, ["one", "three", "two"])


@check("A20", "an accepted change is listed and counted at once")
def _(zone):
    before = zone.count()
    for n in range(5):
        name = zone.below(f"a20-{n}")
        zone.accepts(("CREATE", a(name)))
        equal((len(list(zone.sets(name))), zone.count()), (1, before + n + 1))


@check("A21", "the text of an ownership TXT is listed as it was written")
def _(zone):
    name, owner = zone.below("a21"), "heritage=external-dns,external-dns/owner=Prod-EU"
    texts = [f'"{owner},external-dns/resource=ingress/shop/web"', f'"{owner}" ",zonekeeper/name=\\052.example.com"']
    zone.accepts(*[("CREATE", a(f"t{n}.{name}", text, rtype="TXT")) for n, text in enumerate(texts)])
    equal(values(zone.sets(name)), [[text] for text in texts])


@check("A25", "what does not exist is NoSuchHostedZone and NoSuchChange")
def _(zone):
    for call, expected in [
        (lambda: zone.client.get_hosted_zone(Id="Z00000000000000000000"), "NoSuchHostedZone"),
        (lambda: zone.client.get_change(Id="C00000000000000000000"), "NoSuchChange"),
    ]:
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] != expected:
                raise judged(error, f"it is not {expected}") from None


@check("A28", "a change is on all name servers within five minutes")
def _(zone):
    zone.accepts(("CREATE", a(zone.below("a28"))))
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if zone.client.get_change(Id=zone.last_change)["ChangeInfo"]["Status"] == "INSYNC":
            return
        time.sleep(5)
    raise Wrong(f"{zone.last_change} is still PENDING")


def values(sets):
    return [[record["Value"] for record in found["ResourceRecords"]] for found in sets]


def run(zone):
    """Runs all checks. Returns whether every tested assumption holds."""
    holds = True
    for number, title, function in CHECKS:
        words = None
        try:
            words = function(zone)
            verdict = "holds"
        except Wrong as why:
            verdict, holds = f"DOES NOT HOLD: {why}", False
        except (Unknown, BotoCoreError) as why:
            verdict = f"could not be checked: {why}"
        except ClientError as error:
            verdict = f"could not be checked: {text_of(error)}"
        print(f"{number:4} {title}: {verdict}", flush=True)
        if words:
            print(f"     in these words: {words}", flush=True)
    return holds


def print_deletion(zone):
    """Writes batches that delete the written record sets, and prints the commands that send them."""
    sets = list(zone.sets())
    print(f"\n{len(sets)} record sets stay below {zone.name}." + (" To delete them:" if sets else ""))
    # One of the sets has 400 values, and a request can have 1,000.
    for start in range(0, len(sets), 300):
        changes = [{"Action": "DELETE", "ResourceRecordSet": found} for found in sets[start : start + 300]]
        file = os.path.join(tempfile.gettempdir(), f"{zone.name.split('.')[0]}-{start // 300}.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump({"Comment": "after zonekeeper verify-aws", "Changes": changes}, out, indent=1)
        print(f"  aws route53 change-resource-record-sets --hosted-zone-id {zone.id} --change-batch file://{file}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zone", metavar="ZONE", help="the id of a scratch zone")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--allow-records", action="store_true", help="also in a zone that holds other records")
    args = parser.parse_args()
    session = botocore.session.get_session()
    config = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=10, read_timeout=60)
    try:
        # Route 53 is global, so any region of the partition works.
        region = session.get_config_variable("region") or "us-east-1"
        zone = Scratch(session.create_client("route53", region_name=region, config=config), args.zone)
        other = None if args.allow_records else next(zone.others(), None)
    except (BotoCoreError, ClientError) as error:
        print(f"the hosted zone {args.zone} cannot be read: {error}", file=sys.stderr)
        return 2
    if other:
        print(
            f"{zone.zone} is no scratch zone: it holds {other['Name']} {other['Type']}. Take another, or say "
            "--allow-records: what is there is not touched.",
            file=sys.stderr,
        )
        return 2
    print(
        f"{len(CHECKS)} assumptions are checked in {zone.zone} ({zone.id}).\n"
        f"About 40 record sets are created, all below {zone.name}. It takes about 100 requests, and more changes than\n"
        "an account has at once: others who write with this account may have to wait for some seconds.\n"
        "Nothing is deleted: at the end you get the command that does."
    )
    if not args.yes:
        print("Type `yes` to go on:", flush=True)
        if sys.stdin.readline().strip() != "yes":
            print("Nothing was written.")
            return 2
    holds = False
    try:
        holds = run(zone)
    except KeyboardInterrupt:
        print("stopped")
    finally:
        print_deletion(zone)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
