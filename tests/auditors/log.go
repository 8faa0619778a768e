// Checks a published log with Go's own libraries, golang.org/x/mod/sumdb/note and tlog (Debian: golang-golang-x-mod-dev): what its
// checkpoints and cosignatures say, that every tile and entry is under the root, and every proof of inclusion and consistency.
//
//	log FOLDER            checks the material in the folder
//	log FOLDER --control  changes one bit of one file after the other, and demands that each change is noticed
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// A material gives the files of the folder, and remembers which were read.
type material struct {
	folder  string
	changed string
	at      int
	read    map[string]int
}

func (m *material) file(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(m.folder, name))
	if err != nil {
		return nil, err
	}
	m.read[name] = len(data)
	if name == m.changed {
		data[m.at] ^= 1
	}
	return data, nil
}

// A cosigner verifies cosignature/v1 (C2SP tlog-cosignature), which sumdb/note does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(head), msg...), sig[8:])
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed verifier key")
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("not the verifier key of a cosigner")
	}
	return cosigner{parts[0], uint32(hash), key[1:]}, nil
}

// checkpoint opens a note that all the verifiers must have signed, and reads the tree head in it.
func checkpoint(msg []byte, verifiers ...note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(msg, note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(n.Sigs) != len(verifiers) {
		return tlog.Tree{}, fmt.Errorf("%d signatures instead of %d", len(n.Sigs), len(verifiers))
	}
	for _, sig := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return tlog.Tree{}, err
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != verifiers[0].Name() || lines[3] != "" {
		return tlog.Tree{}, errors.New("not the checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := parseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// parseHash takes base64 in its canonical form only. Go's own ignores the stray bits in the last digit, so that some changes
// of a text would change nothing.
func parseHash(text string) (tlog.Hash, error) {
	hash, err := tlog.ParseHash(text)
	if err == nil && hash.String() != text {
		err = errors.New("base64 that is not canonical")
	}
	return hash, err
}

// tiles reads tiles where tlog-tiles puts them: like Go's, but without the height.
type tiles struct{ m *material }

func (t tiles) Height() int                     { return height }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(which []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range which {
		path := "log/tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
		data, err := t.m.file(path)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// entries gives the leaf data of the whole log.
func entries(m *material, size int64) ([][]byte, error) {
	var all [][]byte
	for start := int64(0); start < size; start += 1 << height {
		tile := tlog.Tile{H: height, L: -1, N: start >> height, W: 1 << height}
		if size-start < 1<<height {
			tile.W = int(size - start)
		}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/data", height), "log/tile/entries", 1)
		data, err := m.file(path)
		if err != nil {
			return nil, err
		}
		for count := 0; count < tile.W; count++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, errors.New("a bundle is cut short")
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:end])
			data = data[end:]
		}
		if len(data) != 0 {
			return nil, errors.New("a bundle has more entries than its name says")
		}
	}
	return all, nil
}

// hashes reads one hash a line, up to an empty line, and gives the rest.
func hashes(text []byte) (found []tlog.Hash, rest []byte, err error) {
	for {
		line, after, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			return nil, nil, errors.New("no empty line after the hashes")
		}
		if len(line) == 0 {
			return found, after, nil
		}
		hash, err := parseHash(string(line))
		if err != nil {
			return nil, nil, err
		}
		found, text = append(found, hash), after
	}
}

func same(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func verify(m *material) error {
	text := map[string][]byte{}
	for _, name := range []string{"log.vkey", "witness.vkey", "log/checkpoint", "checkpoint.older", "cosign-request"} {
		data, err := m.file(name)
		if err != nil {
			return err
		}
		text[name] = data
	}
	log, err := note.NewVerifier(string(text["log.vkey"]))
	if err != nil {
		return err
	}
	witness, err := newCosigner(string(text["witness.vkey"]))
	if err != nil {
		return err
	}
	newest, err := checkpoint(text["log/checkpoint"], log, witness)
	if err != nil {
		return fmt.Errorf("newest checkpoint: %w", err)
	}
	older, err := checkpoint(text["checkpoint.older"], log)
	if err != nil {
		return fmt.Errorf("older checkpoint: %w", err)
	}

	// Every hash that comes out of this reader was checked against the root.
	reader := tlog.TileHashReader(newest, tiles{m})
	root, err := tlog.TreeHash(newest.N, reader)
	if err != nil || root != newest.Hash {
		return fmt.Errorf("the tiles are not those of the checkpoint: %v", err)
	}
	data, err := entries(m, newest.N)
	if err != nil {
		return err
	}
	indexes := make([]int64, len(data))
	for i := range data {
		indexes[i] = tlog.StoredHashIndex(0, int64(i))
	}
	leaves, err := reader.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i := range data {
		if tlog.RecordHash(data[i]) != leaves[i] {
			return fmt.Errorf("entry %d is not what the tree has", i)
		}
	}

	if err := consistency(text["cosign-request"], log, older, newest, reader); err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(m.folder, "proofs", "*.tlog-proof"))
	if err != nil || len(names) < 10 {
		return fmt.Errorf("%d proofs of inclusion are too few: %v", len(names), err)
	}
	for _, name := range names {
		proof, err := m.file("proofs/" + filepath.Base(name))
		if err != nil {
			return err
		}
		if err := inclusion(proof, log, witness, newest, data, reader); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	fmt.Fprintf(report, "Go: %d entries, %d proofs of inclusion, consistent since %d entries\n", newest.N, len(names), older.N)
	return nil
}

func consistency(request []byte, log note.Verifier, older, newest tlog.Tree, reader tlog.HashReader) error {
	line, rest, _ := bytes.Cut(request, []byte("\n"))
	if string(line) != fmt.Sprintf("old %d", older.N) {
		return errors.New("the request to cosign does not begin at the older checkpoint")
	}
	proof, msg, err := hashes(rest)
	if err != nil {
		return err
	}
	if tree, err := checkpoint(msg, log); err != nil || tree != newest {
		return fmt.Errorf("the request's checkpoint is another one: %v", err)
	}
	if err := tlog.CheckTree(proof, newest.N, newest.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	own, err := tlog.ProveTree(newest.N, older.N, reader)
	if err != nil || !same(own, proof) {
		return fmt.Errorf("Go proves it otherwise: %v", err)
	}
	return nil
}

func inclusion(text []byte, log, witness note.Verifier, newest tlog.Tree, data [][]byte, reader tlog.HashReader) error {
	head, rest, _ := bytes.Cut(text, []byte("\n"))
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	index, err := strconv.ParseInt(strings.TrimPrefix(string(line), "index "), 10, 64)
	if string(head) != "c2sp.org/tlog-proof@v1" || err != nil || index < 0 || index >= newest.N {
		return errors.New("not a proof of this log")
	}
	proof, msg, err := hashes(rest)
	if err != nil {
		return err
	}
	if tree, err := checkpoint(msg, log, witness); err != nil || tree != newest {
		return fmt.Errorf("the proof's checkpoint is another one: %v", err)
	}
	if err := tlog.CheckRecord(proof, newest.N, newest.Hash, index, tlog.RecordHash(data[index])); err != nil {
		return err
	}
	own, err := tlog.ProveRecord(newest.N, index, reader)
	if err != nil || !same(own, proof) {
		return fmt.Errorf("Go proves it otherwise: %v", err)
	}
	return nil
}

var report io.Writer = os.Stdout

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "log FOLDER [--control]")
		os.Exit(2)
	}
	good := &material{folder: os.Args[1], read: map[string]int{}}
	if err := verify(good); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	if len(os.Args) < 3 {
		return
	}
	report = io.Discard
	var names []string
	for name := range good.read {
		names = append(names, name)
	}
	sort.Strings(names)
	changes := 0
	for _, name := range names {
		length := good.read[name]
		for _, at := range []int{0, length / 3, length / 2, length - 1} {
			changed := &material{folder: os.Args[1], changed: name, at: at, read: map[string]int{}}
			if verify(changed) == nil {
				fmt.Fprintf(os.Stderr, "a change of %s at byte %d was not noticed\n", name, at)
				os.Exit(1)
			}
			changes++
		}
	}
	fmt.Printf("Go: %d changes in %d files, each noticed\n", changes, len(names))
}
