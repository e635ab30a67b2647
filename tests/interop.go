// Reads a published ledger with the note and tlog packages that the go command checks module sums
// with, then makes a log of its own for us to read: see test_publisher.py.
//
//	interop FOLDER VKEYS OLDER-CHECKPOINT... > log.json
package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func check(err error) { must(0, err) }

// cosigner is a key of type 4 (C2SP tlog-cosignature), which x/mod does not know.
type cosigner struct {
	name string
	key  []byte
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(c.name+"\n\x04"), c.key...))
	return binary.BigEndian.Uint32(sum[:])
}

func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(head), msg...), sig[8:])
}

func verifier(vkey string) note.Verifier {
	part := strings.SplitN(vkey, "+", 3)
	key := must(base64.StdEncoding.DecodeString(part[2]))
	if key[0] != 4 {
		return must(note.NewVerifier(vkey))
	}
	c := cosigner{part[0], key[1:]}
	if fmt.Sprintf("%08x", c.KeyHash()) != part[1] {
		check(fmt.Errorf("key id of %s", vkey))
	}
	return c
}

func opened(path string, known note.Verifiers) (tlog.Tree, int) {
	found := must(note.Open(must(os.ReadFile(path)), known))
	line := strings.Split(found.Text, "\n")
	root := must(tlog.ParseHash(line[2]))
	return tlog.Tree{N: must(strconv.ParseInt(line[1], 10, 64)), Hash: root}, len(found.Sigs)
}

// path is that of C2SP tlog-tiles: the same without the height, and entries for data.
func path(t tlog.Tile) string {
	part := strings.SplitN(t.Path(), "/", 3)
	return "tile/" + strings.Replace(part[2], "data/", "entries/", 1)
}

type folder string

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), path(t)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func entries(f folder, n int64) [][]byte {
	var found [][]byte
	for at := int64(0); at < n; at += 256 {
		t := tlog.Tile{H: 8, L: -1, N: at / 256, W: int(min(256, n-at))}
		data := must(os.ReadFile(filepath.Join(string(f), path(t))))
		for ; len(data) > 0; data = data[2+binary.BigEndian.Uint16(data):] {
			found = append(found, data[2:2+binary.BigEndian.Uint16(data)])
		}
	}
	return found
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func read(f folder, known note.Verifiers, older []string) {
	tree, signatures := opened(filepath.Join(string(f), "checkpoint"), known)
	hashes := tlog.TileHashReader(tree, f)
	all := entries(f, tree.N)
	if int64(len(all)) != tree.N {
		check(fmt.Errorf("%d entries of %d", len(all), tree.N))
	}
	for i, entry := range all {
		proof := must(tlog.ProveRecord(tree.N, int64(i), hashes))
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, int64(i), tlog.RecordHash(entry)))
	}
	for _, name := range older {
		old, _ := opened(name, known)
		proof := must(tlog.ProveTree(tree.N, old.N, hashes))
		check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	}
	fmt.Fprintln(os.Stderr, "read", tree.N, "entries,", signatures, "signatures")
}

type stored []tlog.Hash

func (s stored) ReadHashes(at []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, i := range at {
		found = append(found, s[i])
	}
	return found, nil
}

func write(n int64) {
	var all stored
	var bodies []string
	for i := int64(0); i < n; i++ {
		body := fmt.Sprintf("entry %d of Go", i)
		bodies = append(bodies, body)
		all = append(all, must(tlog.StoredHashes(i, []byte(body), all))...)
	}
	found := map[string]string{}
	for _, t := range tlog.NewTiles(8, 0, n) {
		found[path(t)] = hex.EncodeToString(must(tlog.ReadTileData(t, all)))
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/log")
	check(err)
	root := must(tlog.TreeHash(n, all))
	text := fmt.Sprintf("go.example/log\n%d\n%s\n", n, root)
	made := must(note.Sign(&note.Note{Text: text}, must(note.NewSigner(skey))))
	out := map[string]any{"vkey": vkey, "note": string(made), "tiles": found, "entries": bodies}
	check(json.NewEncoder(os.Stdout).Encode(out))
}

func main() {
	var list []note.Verifier
	for _, vkey := range strings.Fields(string(must(os.ReadFile(os.Args[2])))) {
		list = append(list, verifier(vkey))
	}
	read(folder(os.Args[1]), note.VerifierList(list...), os.Args[3:])
	write(70000)
}
