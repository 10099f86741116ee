// Another's client of the log: golang.org/x/mod/sumdb, as Debian has it, over the folder that `audit tiles` wrote.
//
//	foreign_log open    DIR VKEY              the checkpoint is signed: prints size and root
//	foreign_log records DIR VKEY INDEX...     the bundles' entries at these numbers are in the tree of the checkpoint
//	foreign_log grows   DIR VKEY OLDNOTE      the tree of the checkpoint goes on from an older one
//	foreign_log proof   FILE VKEY COMMITMENT  a tlog-proof of the entry with this commitment (hex)
//
// Exit status 0 with "ok", or 1 with a reason on stderr.
package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func demand(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(parts ...string) []byte {
	raw, err := os.ReadFile(filepath.Join(parts...))
	demand(err)
	return raw
}

// tree is what a checkpoint says, after its signature by the log was verified.
func tree(raw []byte, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	demand(err)
	opened, err := note.Open(raw, note.VerifierList(verifier))
	demand(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		demand(fmt.Errorf("checkpoint of %s, not of %s", lines[0], verifier.Name()))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	demand(err)
	root, err := tlog.ParseHash(lines[2])
	demand(err)
	return tlog.Tree{N: size, Hash: root}
}

// folder reads tiles of height 8 as c2sp.org/tlog-tiles names them.
type folder string

func (folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		// the Go checksum database has the height in the path, which tlog-tiles leaves out
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		raw, err := os.ReadFile(filepath.Join(string(f), name))
		if err != nil {
			whole, _, _ := strings.Cut(name, ".p/") // c2sp.org/tlog-tiles: the full tile serves as well
			raw, err = os.ReadFile(filepath.Join(string(f), whole))
		}
		if err != nil {
			return nil, err
		}
		if len(raw) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s is too short", name)
		}
		data = append(data, raw[:tile.W*tlog.HashSize])
	}
	return data, nil
}

func (folder) SaveTiles([]tlog.Tile, [][]byte) {}

// entry is number index of the bundles.
func (f folder) entry(index, size int64) []byte {
	width := min(256, size-index/256*256)
	name := strings.Replace(tlog.Tile{H: 8, L: -1, N: index / 256, W: int(width)}.Path(), "tile/8/data/", "tile/entries/", 1)
	raw := read(string(f), name)
	for at := int64(0); ; at++ {
		if len(raw) < 2 {
			demand(fmt.Errorf("%s has no entry %d", name, index))
		}
		length := 2 + int(raw[0])<<8 + int(raw[1])
		if at == index%256 {
			return raw[2:length]
		}
		raw = raw[length:]
	}
}

func main() {
	what, where, vkey, rest := os.Args[1], os.Args[2], os.Args[3], os.Args[4:]
	if what == "proof" {
		proof(string(read(where)), vkey, rest[0])
		fmt.Println("ok")
		return
	}
	now := tree(read(where, "checkpoint"), vkey)
	hashes := tlog.TileHashReader(now, folder(where))
	switch what {
	case "open":
		fmt.Println(now.N, now.Hash)
	case "records":
		for _, word := range rest {
			index, err := strconv.ParseInt(word, 10, 64)
			demand(err)
			path, err := tlog.ProveRecord(now.N, index, hashes)
			demand(err)
			leaf := tlog.RecordHash(folder(where).entry(index, now.N))
			demand(tlog.CheckRecord(path, now.N, now.Hash, index, leaf))
		}
	case "grows":
		old := tree(read(rest[0]), vkey)
		path, err := tlog.ProveTree(now.N, old.N, hashes)
		demand(err)
		demand(tlog.CheckTree(path, now.N, now.Hash, old.N, old.Hash))
	default:
		demand(fmt.Errorf("no %s", what))
	}
	fmt.Println("ok")
}

func proof(text, vkey, commitment string) {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		demand(fmt.Errorf("not a tlog-proof"))
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	demand(err)
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		demand(err)
		path = append(path, tlog.Hash(raw))
	}
	entry, err := hex.DecodeString(commitment)
	demand(err)
	now := tree([]byte(checkpoint), vkey)
	demand(tlog.CheckRecord(path, now.N, now.Hash, index, tlog.RecordHash(entry)))
}
