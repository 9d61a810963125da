package mail

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// A file is one that is written, by its name below the directory.
type file struct {
	name, text string
	mode       fs.FileMode
	group      string // "" for root's
}

// secret says that not everybody may read it.
func (f file) secret() bool { return f.mode&0o004 == 0 }

// Files that are copied to where Postfix and Dovecot look for them.
const (
	mainFile    = "postfix/main.cf"
	masterFile  = "postfix/master.cf"
	dovecotFile = "dovecot/dovecot.conf"
)

// Files that Load reads.
const (
	settingsFile = "settings.json"
	secretsFile  = "secrets"
)

// Write writes all files below s.Dir, in place of those there: Postfix's and
// Dovecot's; roles.sql, which gives the roles their passwords; panel.env and
// lists.env with what the panel and the list service need to know; settings.json,
// which Load reads. Secrets that are not set are those of an earlier time, from
// the file secrets, or new. Nobody but root and the program concerned may read a
// secret.
func (s *Settings) Write() error {
	if !filepath.IsAbs(s.Dir) {
		return errors.New("the directory must be absolute: Postfix and Dovecot run elsewhere")
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	if err := s.keepSecrets(); err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(s.Dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := replace(path, f.text, f.mode, f.group); err != nil {
			return err
		}
	}
	return nil
}

// files are all that Write writes but for the secrets, sorted by name.
func (s *Settings) files() ([]file, error) {
	settings, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	list := []file{
		{settingsFile, string(settings) + "\n", 0o644, ""},
		{"roles.sql", s.roles(), 0o600, ""},
		{"panel.env", s.panel(), 0o600, ""},
		{"lists.env", s.lists(), 0o600, ""},
	}
	err = fs.WalkDir(shipped, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f, err := s.render(name)
		list = append(list, f)
		return err
	})
	slices.SortFunc(list, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return list, err
}

// keepSecrets completes the secrets and keeps them for the next time.
func (s *Settings) keepSecrets() error {
	if err := s.recall(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var text strings.Builder
	for _, f := range s.Secrets.fields() {
		switch {
		case *f.value != "":
		case f.name == "sealing":
			var key [32]byte
			_, _ = rand.Read(key[:]) // never fails
			*f.value = base64.StdEncoding.EncodeToString(key[:])
		default:
			*f.value = rand.Text()
		}
		fmt.Fprintf(&text, "%s %s\n", f.name, *f.value)
	}
	return replace(filepath.Join(s.Dir, secretsFile), text.String(), 0o600, "")
}

// recall takes what is not set of the secrets from their file.
func (s *Settings) recall() error {
	kept, err := os.ReadFile(filepath.Join(s.Dir, secretsFile))
	if err != nil {
		return err
	}
	old := map[string]string{}
	for line := range strings.Lines(string(kept)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			old[name] = value
		}
	}
	for _, f := range s.Secrets.fields() {
		if *f.value == "" {
			*f.value = old[f.name]
		}
	}
	return nil
}

// render is one of the shipped files. Those with a secret are for the group of
// their program, where there is one: it reads them after it gave up being root.
func (s *Settings) render(name string) (file, error) {
	text, err := shipped.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	t, err := template.New(name).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return file{}, err
	}
	var b strings.Builder
	if err := t.Execute(&b, *s); err != nil {
		return file{}, err
	}
	f := file{name, b.String(), 0o644, ""}
	if strings.Contains(string(text), ".Secrets.") || strings.Contains(string(text), ".MasterHash") {
		f.mode = 0o640
		f.group, _, _ = strings.Cut(name, "/") // "postfix" or "dovecot", as Debian names the groups
	}
	if name == mainFile || name == masterFile || name == dovecotFile {
		f.text = stamp(f.text) + f.text
	}
	return f, nil
}

const stampBegin = "# Written by mandat mail configure: "

// stamp is a first line that tells one text from another. What an administrator
// sets by postconf afterwards leaves it there.
func stamp(text string) string {
	sum := sha256.Sum256([]byte(text))
	return stampBegin + hex.EncodeToString(sum[:8]) + "\n"
}

// replace writes a file as a whole or not at all.
func replace(path, text string, mode fs.FileMode, group string) (err error) {
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part.Name())
		}
	}()
	if _, err = part.WriteString(text); err == nil {
		err = part.Chmod(mode)
	}
	if err == nil && group != "" && os.Geteuid() == 0 {
		if g, missing := user.LookupGroup(group); missing == nil {
			if gid, bad := strconv.Atoi(g.Gid); bad == nil {
				err = part.Chown(0, gid)
			}
		}
	}
	if closed := part.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	return err
}
