package mail

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Load reads with which settings a directory was written. Secrets are there if
// we may read them.
func Load(dir string) (*Settings, error) {
	text, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if err != nil {
		return nil, err
	}
	s := &Settings{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	s.Dir = dir
	if err := s.recall(); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return s, nil
}

// Stale names the files of the directory that are not what Write would write
// now: they are of another version of this program, or somebody changed them. It
// is an error that the secrets are not here, or not ours to read.
func (s *Settings) Stale() (names []string, err error) {
	if _, err := os.ReadFile(filepath.Join(s.Dir, secretsFile)); err != nil {
		return nil, err
	}
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(s.Dir, f.name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			names = append(names, f.name)
		case err != nil:
			return nil, err
		case string(text) != f.text:
			names = append(names, f.name)
		}
	}
	return names, nil
}

// installed is where Postfix and Dovecot look for the files that are copied.
var installed = map[string]string{
	mainFile:    "etc/postfix/main.cf",
	masterFile:  "etc/postfix/master.cf",
	dovecotFile: "etc/dovecot/dovecot.conf",
}

// Outdated names the files below root, which is /, that were not copied from
// those that Write would write now; what somebody changed in a copy does not
// count. A private instance has no copies. A file that we may not read is an
// error, and so is that none is there: the mail servers are elsewhere.
func (s *Settings) Outdated(root string) (paths []string, err error) {
	if s.Private != "" {
		return nil, nil
	}
	missing := 0
	for _, name := range []string{mainFile, masterFile, dovecotFile} {
		path := filepath.Join(root, installed[name])
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil {
			missing++
		}
		f, bad := s.render(name)
		if bad != nil {
			return nil, bad
		}
		if want, _, _ := strings.Cut(f.text, "\n"); !strings.Contains("\n"+string(text), "\n"+want+"\n") {
			paths = append(paths, path)
		}
	}
	if missing == len(installed) {
		return nil, fs.ErrNotExist
	}
	return paths, nil
}

// Exposed names the files with a secret that everybody on this machine may read:
// of the directory, beside it, below root, which is /, and the key of the certificate.
func (s *Settings) Exposed(root string) (paths []string, err error) {
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	secret := []string{filepath.Join(s.Dir, secretsFile)}
	for _, f := range files {
		if f.secret() {
			secret = append(secret, filepath.Join(s.Dir, f.name))
		}
	}
	if s.Private == "" {
		secret = append(secret, filepath.Join(root, installed[dovecotFile]))
		beside, _ := filepath.Glob(filepath.Join(filepath.Dir(s.Dir), "*.env")) // a pattern of ours: no error
		secret = append(secret, beside...)
	}
	if s.Key != "" {
		secret = append(secret, s.Key)
	}
	for _, path := range secret {
		if info, err := os.Stat(path); err == nil && info.Mode()&0o006 != 0 {
			paths = append(paths, path)
		}
	}
	return paths, nil
}
