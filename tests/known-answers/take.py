"""Takes test vectors out of the packages that others publish, and writes them as JSON, one vector a line.

    take.py PACKAGES OUTPUT [--all]

PACKAGES is a folder with the archives that `cargo xtask known-answers` fetches; their SHA-256 is checked here. Without --all only what
is kept in tests/vectors/others is written; with it everything that applies. Nothing but Python's own library is needed.
"""

import hashlib
import json
import pathlib
import re
import sys
import tarfile
import zipfile

ARCHIVES = {
    "cryptography_vectors-50.0.2-py3-none-any.whl": "51641f03a3eb4edbe9fb68e3a3574d25f86aa502d06391fffa886330d02778a0",
    "x-wing-0.1.1.crate": "01576e56599d01d75c5efcd5b30fa5de29e776f5a225e43fbf8c92c7302d4c8b",
    "sigstore-merkle-0.15.1.crate": "22923d7f1a03e21a3313a4a2e6a6485959327a2a084df09b4fff45810e46f08a",
    "sigsum-0.3.0.crate": "85cf5c271ac017559bedd2519f22ae055614d07e4bce0621bb714ea4acf65192",
    "tlog_tiles-0.2.0.crate": "7e403c85c5336d8f18b08330749b706a9179265d7d4b111ab90a35d2a51d0e0b",
    "signed_note-0.2.0.crate": "aee127accd55881df0c941dc799efc824cb506c38df4a95fd30c307f3bc96504",
    "cose-js-0.9.0.tgz": "25811cbe0e5545897e067e616197e065e26525a50f69db321f26d8363161aeca",
}

PACKAGES, OUTPUT = (pathlib.Path(argument) for argument in sys.argv[1:3])
ALL = sys.argv[3:] == ["--all"]


def contents(archive):
    """The files of an archive, by their names below its first folder."""
    path = PACKAGES / archive
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found == ARCHIVES[archive], f"{archive} is not the one whose vectors are kept here: {found}"
    if archive.endswith(".whl"):
        with zipfile.ZipFile(path) as wheel:
            return {name.split("/", 1)[-1]: wheel.read(name) for name in wheel.namelist() if wanted(name)}
    with tarfile.open(path) as tar:
        files = [member for member in tar.getmembers() if member.isfile()]
        return {member.name.split("/", 1)[-1]: tar.extractfile(member).read() for member in files}


def wanted(name):
    """Unpacking the whole wheel would take 600 MB of memory."""
    return any(part in name for part in ("HPKE/", "AES/GCM/gcmDecrypt256", "AES/GCM/gcmEncryptExtIV256", "Ed25519/sign.input"))


def write(name, vectors):
    lines = ",\n".join(json.dumps(vector, separators=(",", ":"), sort_keys=True) for vector in vectors)
    (OUTPUT / name).write_text(f"[\n{lines}\n]\n")
    print(f"{name}: {len(vectors)} vectors")


def nist(files):
    """CAVP's GCM vectors with nonces of 96 and tags of 128 bits; kept: the first three of each group of fifteen."""
    vectors = []
    for which in ("gcmEncryptExtIV256.rsp", "gcmDecrypt256.rsp"):
        group, vector = {}, {}
        for line in files[f"ciphers/AES/GCM/{which}"].decode().splitlines() + [""]:
            if header := re.fullmatch(r"\[(\w+) = (\d+)\]", line.strip()):
                group[header[1]] = int(header[2])
            elif field := re.fullmatch(r"(\w+) = ?(\w*)", line.strip()):
                vector[field[1]] = field[2]
            elif line.strip() == "FAIL":
                vector["fails"] = True
            elif vector:
                applies = (group["Keylen"], group["IVlen"], group["Taglen"]) == (256, 96, 128)
                if applies and (ALL or int(vector["Count"]) < 3):
                    vectors.append({"in": which, **{name.lower(): value for name, value in vector.items()}})
                vector = {}
    write("aes-256-gcm.json", vectors)


def ed25519(files):
    """Bernstein's 1,024 signatures (sk‖pk:pk:message:signature‖message); kept: every 32nd. RFC 8032 §7.1 has five of them."""
    lines = files["asymmetric/Ed25519/sign.input"].decode().split()
    rows = [line.split(":") for line in (lines if ALL else lines[::32])]
    write("ed25519.json", [{"seed": r[0][:64], "public": r[1], "message": r[2], "signature": r[3][:128]} for r in rows])


def hpke(files):
    """Base mode with the mechanisms used here; kept: the first ten encryptions."""
    vectors = []
    for name in ("test-vectors.json", "hpke-pq-test-vectors.json"):
        for vector in json.loads(files[f"HPKE/{name}"]):
            mechanism = (vector["mode"], vector["kem_id"], vector["kdf_id"])
            if mechanism in ((0, 0x0020, 1), (0, 0x647A, 1)) and vector["aead_id"] != 0xFFFF:
                fields = "kem_id kdf_id aead_id info ikmE skRm pkRm enc shared_secret key base_nonce exporter_secret exports".split()
                encryptions = vector["encryptions"] if ALL else vector["encryptions"][:10]
                vectors.append({"in": name, "encryptions": encryptions, **{field: vector[field] for field in fields}})
    write("hpke.json", vectors)


def x_wing(files):
    write("x-wing.json", json.loads(files["tests/test-vectors.json"]))


def cose(files):
    """The signatures of the COSE working group's examples that have one signer and no external data."""
    vectors = []
    for name in sorted(files):
        if not name.startswith("test/Examples/") or not name.endswith(".json"):
            continue
        example = json.loads(files[name].decode("utf-8-sig"))
        one = example["input"].get("sign0") if isinstance(example.get("input"), dict) else None
        if one is None or one.get("external") or example["input"].get("failures") or example.get("fail"):
            continue
        vector = {"in": name, "cbor": example["output"]["cbor"], "to_be_signed": example["intermediates"]["ToBeSign_hex"]}
        if one.get("alg") == "EdDSA" and one["key"]["crv"] == "Ed25519":
            vector["public"] = one["key"]["x_hex"]
        vectors.append(vector)
    write("cose-sign1.json", vectors)


def merkle(tree, sigsum, tiles):
    """Proofs of inclusion and consistency: those that must be refused too, and two of a log with a thousand million entries."""
    vectors = []
    for name in sorted(tree):
        if name.startswith("test-data/merkle/testdata/"):
            vector = json.loads(tree[name])
            vectors.append({"in": name.removeprefix("test-data/merkle/testdata/"), **vector, "proof": vector.get("proof") or []})
    for name, is_wrong in (("valid", False), ("invalid", True)):
        for number, vector in enumerate(json.loads(sigsum[f"src/merkle/testdata/inclusion-{name}.json"])):
            vectors.append({
                "in": f"sigsum {name} {number}", "leafIdx": vector["leaf_index"], "treeSize": vector["tree_size"], "wantErr": is_wrong,
                "root": vector["root_hash"], "leafHash": vector["leaf_hash"], "proof": vector["inclusion_path"],
            })
    answers = {name.rsplit("/", 1)[-1]: text for name, text in tiles.items() if name.startswith("tests/http_get/")}
    answer = lambda start: json.loads(next(text for name, text in answers.items() if name.startswith(start)))
    head, path = answer("get-sth"), answer("get-proof-by-hash")
    assert "consistency" not in head
    vectors.append({
        "in": "argon2020 inclusion", "leaf": answer("get-entries")["entries"][0]["leaf_input"], "leafIdx": path["leaf_index"],
        "treeSize": head["tree_size"], "root": head["sha256_root_hash"], "proof": path["audit_path"], "wantErr": False,
    })
    old = re.search(r'parse_hash\("([^"]{44})"\)\?;', tiles["src/lib.rs"].decode())[1]
    vectors.append({
        "in": "argon2020 consistency", "size1": 3654490, "root1": old, "size2": head["tree_size"], "root2": head["sha256_root_hash"],
        "proof": answer("get-sth-consistency")["consistency"], "wantErr": False,
    })
    write("merkle.json", vectors)


def notes(files):
    """Go's notes: two keys, two signatures, and what is malformed about a note."""
    source = files["src/lib.rs"].decode()
    test = source[source.index("fn test_open()"):]
    literal = re.search(r'let text = "(.*?[^\\])";', test, re.S)[1]
    text = re.sub(r"\\\n *", "", literal).replace("\\n", "\n")
    take = lambda name: re.search(rf'let {name} = "([^"]*)";', test)[1].replace("\\n", "\n")
    write("notes.json", [{
        "text": text, "keys": [take("peter_key"), take("enoch_key")], "lines": [take("peter_sig"), take("enoch_sig")],
    }])


def sigsum_proof(files):
    """An entry of Sigsum's test log with its checkpoint, seven or eight cosignatures and its path; the keys from its policy."""
    policy = files["builtin-policies/sigsum-test-2025-3.builtin-policy"].decode()
    library = files["src/lib.rs"].decode()
    proof = re.search(r'from_ascii\("(version=2\n.*?)//! "\)', library, re.S)[1].replace("//! ", "").replace("//!", "")
    key = lambda line: line.split()[1:3]
    write("sigsum.json", [{
        "data": "Hello, Sigsum!\n",
        "signer": re.search(r'hex!\("([0-9a-f]{64})"\)\.into\(\)\];', library)[1],
        "logs": [key(line)[0] for line in policy.splitlines() if line.startswith("log ")],
        "witnesses": [key(line) for line in policy.splitlines() if line.startswith("witness ")],
        "proof": proof,
    }])


OUTPUT.mkdir(parents=True, exist_ok=True)
wheel = contents("cryptography_vectors-50.0.2-py3-none-any.whl")
nist(wheel)
ed25519(wheel)
hpke(wheel)
x_wing(contents("x-wing-0.1.1.crate"))
if (PACKAGES / "cose-js-0.9.0.tgz").exists():
    cose(contents("cose-js-0.9.0.tgz"))
sigsum = contents("sigsum-0.3.0.crate")
merkle(contents("sigstore-merkle-0.15.1.crate"), sigsum, contents("tlog_tiles-0.2.0.crate"))
notes(contents("signed_note-0.2.0.crate"))
sigsum_proof(sigsum)
