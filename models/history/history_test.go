package history

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCanonicalJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:  `{}`,
		`{ }`: `{}`,
		`{"size": {"after": 5, "before": 4}, "a": null}`: `{"a":null,"size":{"after":5,"before":4}}`,
		`{"b":1,"a":[1.0, 12345678901234567890, true]}`:  `{"a":[1.0,12345678901234567890,true],"b":1}`,
		`{"é":"<&>\u00e9\u003c\"\\\n\u0001"}`:            `{"é":"<&>é<\"\\\n\u0001"}`,
		`{"a":1} {"b":2}`:                                "!",
		`[1]`:                                            "!",
		`null`:                                           "!",
		`{"a":1`:                                         "!",
		``:                                               "!",
		`{"a":1}}`:                                       "!",
	} {
		got, err := Canonical([]byte(in))
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}

// A fixed entry, so that nobody changes the encoding without noticing.
func TestTheHashOfAnEntryIsForEver(t *testing.T) {
	e := Entry{
		Service: 7, ID: 42, At: Time(time.Date(2026, 1, 31, 9, 0, 0, 1500, time.FixedZone("", 3600))), Kind: "account.created", Class: "mail", Owner: 1, Actor: 2, Agent: 3,
		Subject: 4, Account: 5, Grant: 6, Object: "é@b.example", Detail: `{"size":{"after":5}}`,
	}
	head := Head{Number: 8, Hash: Hash{1}}.Next(&e)
	line, err := e.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"service":7,"number":9,"id":42,"at":"2026-01-31T08:00:00.000001Z","kind":"account.created","class":"mail","owner":1,"actor":2,"agent":3,"subject":4,"account":5,"grant":6,"object":"é@b.example","detail":"{\"size\":{\"after\":5}}","hash":"HASH"}`
	if got := strings.Replace(string(line), head.Hash.String(), "HASH", 1); got != want+"\n" || head.Number != 9 {
		t.Errorf("%s", got)
	}
	if got := head.Hash.String(); got != "a1de53dd15250d9e27a2313d47fc7a4c3c725d49feb3492b32fdcdee43163e63" {
		t.Errorf("its hash is %s", got)
	}
}

// chained is an export of so many entries of each chain, and their heads.
func chained(t testing.TB, chains, entries int) (export []byte, leaves []Leaf) {
	t.Helper()
	for service := range chains {
		var head Head
		for n := range entries {
			e := Entry{Service: int64(service), ID: int64(100*service + n + 1), At: "2026-01-31T08:00:00.000000Z", Kind: "k", Class: "mail", Detail: "{}"}
			head = head.Next(&e)
			var err error
			if export, err = e.Append(export); err != nil {
				t.Fatal(err)
			}
		}
		leaves = append(leaves, Leaf{int64(service), head})
	}
	return export, leaves
}

func TestAKeyIsReadAsItWasMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "history.key")
	first, made, err := LoadKey(file, "panel.example.org")
	if err != nil || !made {
		t.Fatal(made, err)
	}
	again, made, err := LoadKey(file, "another.example.org")
	if err != nil || made || again.Public() != first.Public() || !strings.HasPrefix(again.Public(), "panel.example.org+") {
		t.Fatalf("%v %v: %q, %q", made, err, first.Public(), again.Public())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	private, public, _ := strings.Cut(string(text), "\n")
	for what, wrong := range map[string]string{"only the public half": public, "nothing": "", "another public half": private + "\nx+00000000+AQID\n", "half a key": private[:len(private)-4] + "\n" + public} {
		if err := os.WriteFile(file, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadKey(file, "x"); err == nil {
			t.Errorf("%s was taken", what)
		} else if strings.Contains(err.Error(), private[len(private)-12:]) {
			t.Errorf("%s: the error repeats the key: %v", what, err)
		}
	}
	if _, _, err := LoadKey(filepath.Join(t.TempDir(), "k"), "a name+with"); err == nil {
		t.Error("a name that no note can have was taken")
	}
}

func TestCheckpointsAreReadOnlyAsTheyWereSigned(t *testing.T) {
	key, _, err := LoadKey(filepath.Join(t.TempDir(), "k"), "panel")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	var all []byte
	for chains := range 20 { // of none, too, and of every shape of tree
		_, leaves := chained(t, chains, 2)
		text, err := key.Sign(at, leaves)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	read := func(text []byte) (n int, err error) {
		err = ReadCheckpoints(bytes.NewReader(text), key.Public(), func(c *Checkpoint) {
			if len(c.Leaves) != n || c.At != "2026-01-31T08:00:00Z" {
				t.Errorf("%d: %+v", n, c)
			}
			n++
		})
		return n, err
	}
	if n, err := read(all); n != 20 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	_, leaves := chained(t, 3, 2)
	one, err := key.Sign(at, leaves)
	if err != nil {
		t.Fatal(err)
	}
	for i := range one {
		changed := bytes.Clone(one)
		others := []byte(" \t\n\v\f\r0/") // what readers of numbers and lines are lax about
		for bit := range 8 {
			others = append(others, one[i]^1<<bit)
		}
		for _, changed[i] = range others {
			if changed[i] == one[i] {
				continue
			}
			if err := ReadCheckpoints(bytes.NewReader(changed), key.Public(), func(*Checkpoint) {}); err == nil {
				t.Errorf("octet %d, %q, can be %q", i, one[i], changed[i])
			}
		}
	}
	for _, short := range [][]byte{one[:len(one)-1], one[:len(one)-80], one[:60]} {
		if err := ReadCheckpoints(bytes.NewReader(short), key.Public(), func(*Checkpoint) {}); err == nil {
			t.Errorf("%d of %d octets were taken", len(short), len(one))
		}
	}
	other, _, err := LoadKey(filepath.Join(t.TempDir(), "k"), "panel")
	if err != nil {
		t.Fatal(err)
	}
	if err := ReadCheckpoints(bytes.NewReader(one), other.Public(), func(*Checkpoint) {}); err == nil {
		t.Error("somebody else's was taken")
	}
}

func TestCheckpointsThatDisagreeAreFound(t *testing.T) {
	export, leaves := chained(t, 2, 3)
	var v Verifier
	v.Hold(&Checkpoint{At: "noon", Leaves: leaves})
	forged := []Leaf{leaves[0], {1, Head{3, Hash{9}}}}
	v.Hold(&Checkpoint{At: "night", Leaves: forged})
	if err := ReadExport(bytes.NewReader(export), &v); err != nil {
		t.Fatal(err)
	}
	if r := v.Done(false); len(r.Faults) != 1 || r.Faults[0].Service != 1 || !strings.Contains(r.Faults[0].What, "noon and night disagree") {
		t.Errorf("%v", r.Faults)
	}
}

func FuzzReadExport(f *testing.F) {
	export, _ := chained(f, 2, 2)
	f.Add(export)
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v Verifier
		err := ReadExport(bytes.NewReader(text), &v)
		if r := v.Done(true); err == nil && len(r.Faults) == 0 && r.Entries != int64(bytes.Count(text, []byte("\n"))) {
			t.Errorf("%d entries of %q", r.Entries, text)
		}
	})
}

func FuzzReadCheckpoints(f *testing.F) {
	// The same in every process of the fuzz.
	file := filepath.Join(f.TempDir(), "k")
	if err := os.WriteFile(file, []byte("PRIVATE+KEY+panel+7c88a2e2+AcrgptNDPxmdRKJ8m4wGMHdWZf/sCvpScUa5TNhyWs0e\npanel+7c88a2e2+AaxzDIPN7XFExCrRHWCkTunRNjBBbY7e3JCz7DeDmAGc\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	key, _, err := LoadKey(file, "panel")
	if err != nil {
		f.Fatal(err)
	}
	_, leaves := chained(f, 3, 2)
	text, err := key.Sign(time.Unix(0, 0), leaves)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(bytes.Repeat(text, 2))
	f.Add(bytes.ReplaceAll(text, []byte("\n1 "), []byte("\n+1 ")))
	f.Add(bytes.Replace(text, []byte("\n\n"), []byte("\n\n— else AAAAAAAA\n"), 1))
	signed := map[string]bool{}
	for line := range bytes.Lines(text) {
		signed[string(bytes.TrimRight(line, "\n"))] = true
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := ReadCheckpoints(bytes.NewReader(text), key.Public(), func(c *Checkpoint) {
			if !slices.Equal(c.Leaves, leaves) {
				t.Errorf("nobody signed %+v", c)
			}
		})
		if err != nil {
			return
		}
		for line := range bytes.Lines(text) {
			if line := strings.TrimRight(string(line), "\r\n"); !signed[line] && !strings.HasPrefix(line, "— ") {
				t.Errorf("nobody wrote %q", line)
			}
		}
	})
}

// The short way gives what the long one gives, or gives up.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{"size": {"after": 5, "before": -4}, "a": null, "l": [1, true, "é", {}, []]}`, `{"a":1,"a":2}`, `{"":"\u2028"}`, `{"a":01}`, `{"a":1.50e3}`, `{"b":"\\","a":"\""}`,
		`{"a":[1,]}`, `{"a":1,}`, `{"a" :1 , "b":{"d":1,"c":[ ]}} `, `{"a!":1,"a":2}`, `{"a":-0}`, "{\"a\":\"\x7f\xff\"}", `{"a":nullx}`, `{"a":1}x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		var members map[string]any
		decoder := json.NewDecoder(bytes.NewReader(object))
		decoder.UseNumber()
		want := ""
		if json.Valid(object) && decoder.Decode(&members) == nil && members != nil {
			var b bytes.Buffer
			encoder := json.NewEncoder(&b)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(members); err != nil {
				t.Skip()
			}
			want = strings.TrimSuffix(b.String(), "\n")
		}
		if got, _ := Canonical(object); got != want {
			t.Errorf("%q is %q, want %q", object, got, want)
		}
	})
}
