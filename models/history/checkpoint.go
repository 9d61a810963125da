package history

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Leaf is the newest entry of one chain at the time of a checkpoint.
type Leaf struct {
	Service int64
	Head
}

func (l Leaf) line() string { return fmt.Sprintf("%d %d %s\n", l.Service, l.Number, l.Hash) }

// Checkpoint is the newest entry of every chain at one time, signed:
//
//	mandat history
//	NUMBER OF CHAINS
//	MERKLE TREE HEAD IN BASE64
//	TIME
//
//	— KEY'S NAME SIGNATURE
//	SERVICE NUMBER HASH          one line for each chain, by service: the leaves of the tree
//	…
//
// An empty line ends it, so that a file may hold many. The first lines, up to
// the signature, are a signed note that may be kept alone.
type Checkpoint struct {
	At     string
	Leaves []Leaf
}

const origin = "mandat history"

// Key signs checkpoints.
type Key struct {
	signer note.Signer
	public string
}

// Public is what verifies the key's signatures, for everybody to know.
func (k *Key) Public() string { return k.public }

// LoadKey reads the key in a file, or makes one there, for nobody else to read,
// if there is no such file. name is that of whoever signs, without spaces or plus signs.
func LoadKey(file, name string) (k *Key, made bool, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		made = true
		text, err = makeKey(file, name)
	}
	if err != nil {
		return nil, false, err
	}
	private, public, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	k = &Key{public: strings.TrimSpace(public)}
	if k.signer, err = note.NewSigner(strings.TrimSpace(private)); err != nil {
		return nil, false, fmt.Errorf("%s holds no key that signs", file) // the error would repeat it
	}
	if verifier, err := note.NewVerifier(k.public); err != nil || verifier.KeyHash() != k.signer.KeyHash() {
		return nil, false, fmt.Errorf("%s: its second line is not what verifies the key in its first", file)
	}
	return k, made, nil
}

func makeKey(file, name string) ([]byte, error) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, err
	}
	text := []byte(private + "\n" + public + "\n")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	return text, errors.Join(err, f.Sync(), f.Close())
}

// Sign makes a checkpoint of the leaves, which are in the order of their services.
func (k *Key) Sign(at time.Time, leaves []Leaf) ([]byte, error) {
	head, err := treeHead(leaves)
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n%s\n", origin, len(leaves), head, at.UTC().Format(time.RFC3339))
	signed, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return nil, err
	}
	for _, l := range leaves {
		signed = append(signed, l.line()...)
	}
	return append(signed, '\n'), nil
}

// treeHead is the head of the Merkle tree over the lines of the leaves.
func treeHead(leaves []Leaf) (tlog.Hash, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for n, l := range leaves {
		more, err := tlog.StoredHashes(int64(n), []byte(l.line()), reader)
		if err != nil {
			return tlog.Hash{}, err
		}
		stored = append(stored, more...)
	}
	return tlog.TreeHash(int64(len(leaves)), reader)
}

// ReadCheckpoints gives fn every checkpoint in r that public signed. One that is
// not whole, or that somebody else signed, is an error.
func ReadCheckpoints(r io.Reader, public string, fn func(*Checkpoint)) error {
	verifier, err := note.NewVerifier(strings.TrimSpace(public))
	if err != nil {
		return errors.New("what is to verify the signatures is no public key")
	}
	lines := bufio.NewScanner(r)
	lines.Split(exactLines)
	var text []string
	for lines.Scan() {
		text = append(text, lines.Text())
		// The first empty line is within the note.
		if lines.Text() != "" || len(text) < 6 {
			continue
		}
		c, err := parseCheckpoint(text, verifier)
		if err != nil {
			return err
		}
		fn(c)
		text = text[:0]
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(text) > 0 {
		return errors.New("the last checkpoint is not whole")
	}
	return nil
}

// exactLines is bufio.ScanLines but for carriage returns, of which a checkpoint
// has none: a file that has one was changed.
func exactLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func parseCheckpoint(lines []string, verifier note.Verifier) (*Checkpoint, error) {
	body := 5 // four lines and an empty one
	for body < len(lines) && strings.HasPrefix(lines[body], "— ") {
		body++
	}
	signed, err := note.Open([]byte(strings.Join(lines[:body], "\n")+"\n"), note.VerifierList(verifier))
	if err != nil {
		return nil, fmt.Errorf("a checkpoint without its signature: %w", err)
	}
	// Open overlooks the last bits of base64 that stand for nothing; a file in
	// which they changed is not the file that was written.
	for _, s := range append(signed.Sigs, signed.UnverifiedSigs...) {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return nil, fmt.Errorf("a checkpoint's signature is not as it was written: %w", err)
		}
	}
	var head string
	var count int
	c := &Checkpoint{}
	said := strings.Split(signed.Text, "\n")
	if len(said) != 5 || said[0] != origin {
		return nil, errors.New("a signed note that is no checkpoint of a history")
	}
	head, c.At = said[2], said[3]
	if _, err := fmt.Sscan(said[1], &count); err != nil {
		return nil, fmt.Errorf("the checkpoint of %s: %w", c.At, err)
	}
	for _, line := range lines[body : len(lines)-1] {
		var l Leaf
		var hash string
		if _, err := fmt.Sscanf(line, "%d %d %s", &l.Service, &l.Number, &hash); err != nil || l.Hash.UnmarshalText([]byte(hash)) != nil || l.line() != line+"\n" {
			return nil, fmt.Errorf("the checkpoint of %s has a line that is none: %q", c.At, line)
		}
		c.Leaves = append(c.Leaves, l)
	}
	found, err := treeHead(c.Leaves)
	if err != nil {
		return nil, err
	}
	if len(c.Leaves) != count || found.String() != head {
		return nil, fmt.Errorf("the list in the checkpoint of %s is not the one that was signed", c.At)
	}
	return c, nil
}

// Directory is where checkpoints are written from time to time, each to a file of its own.
type Directory struct {
	Path string
	Key  *Key
}

// CheckpointSuffix is what the names of the files in a Directory end in.
const CheckpointSuffix = ".checkpoint"

// Write writes a checkpoint, unless the newest there says the same.
func (d *Directory) Write(at time.Time, leaves []Leaf) error {
	if same, err := d.newestSays(leaves); err != nil || same {
		return err
	}
	text, err := d.Key.Sign(at, leaves)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.Path, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(d.Path, ".part-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // when it did not become the file
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(d.Path, at.UTC().Format("20060102T150405Z")+CheckpointSuffix))
}

func (d *Directory) newestSays(leaves []Leaf) (bool, error) {
	files, err := filepath.Glob(filepath.Join(d.Path, "*"+CheckpointSuffix))
	if err != nil || len(files) == 0 {
		return false, err
	}
	f, err := os.Open(slices.Max(files))
	if err != nil {
		return false, err
	}
	defer f.Close()
	var newest *Checkpoint
	if err := ReadCheckpoints(f, d.Key.public, func(c *Checkpoint) { newest = c }); err != nil {
		return false, nil // of another key, or damaged: that is for who verifies to say
	}
	return newest != nil && slices.Equal(newest.Leaves, leaves), nil
}
