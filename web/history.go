package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"example.org/mandat/models"
	"example.org/mandat/models/history"
)

type historyVerifyCommand struct {
	Export      string   `arg:"" optional:"" help:"An export to verify instead of the database; - for standard input."`
	Checkpoints []string `help:"Checkpoints to hold it against: files, or directories with files of them." type:"path" sep:"none"`
	Key         string   `help:"What verifies their signatures: the public key, or a file with it. Default: that of MANDAT_HISTORY_KEY."`
}

var errBroken = errors.New("the history is not as it was written")

// Run verifies the history and says the first broken entry of each chain; its
// error is errBroken when there is one.
func (c *historyVerifyCommand) Run(p *program) error {
	var v history.Verifier
	held, err := c.hold(p, &v)
	if err != nil {
		return err
	}
	if c.Export != "" {
		err = c.readExport(p, &v)
	} else {
		err = p.reading(func(ctx context.Context, s *models.Store) error { return s.VerifyHistory(ctx, &v) })
	}
	if err != nil {
		return err
	}
	r := v.Done(c.Export != "")
	for _, f := range r.Faults {
		fmt.Fprintf(p.out, "BROKEN %s\n", f)
	}
	if len(r.Faults) > 0 {
		return errBroken
	}
	fmt.Fprintf(p.out, "%d entries in %d chains are as they were written", r.Entries, r.Chains)
	switch {
	case held > 0:
		fmt.Fprintf(p.out, ", and as %d checkpoints have them.\n", held)
	default:
		fmt.Fprint(p.out, ".\nNo checkpoint was given: one who can write the database could have cut off ends, or written all anew.\n")
	}
	return nil
}

func (c *historyVerifyCommand) readExport(p *program, v *history.Verifier) error {
	if c.Export == "-" {
		return history.ReadExport(p.in, v)
	}
	f, err := os.Open(c.Export)
	if err != nil {
		return err
	}
	defer f.Close()
	return history.ReadExport(f, v)
}

// hold gives the verifier the checkpoints and answers how many there are.
func (c *historyVerifyCommand) hold(p *program, v *history.Verifier) (held int, err error) {
	if len(c.Checkpoints) == 0 {
		return 0, nil
	}
	public, err := c.public(p)
	if err != nil {
		return 0, err
	}
	var files []string
	for _, path := range c.Checkpoints {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		within, err := filepath.Glob(filepath.Join(path, "*"+history.CheckpointSuffix))
		if err != nil {
			return 0, err
		}
		files = append(files, within...)
	}
	for _, file := range files {
		if err := holdFile(file, public, func(c *history.Checkpoint) { v.Hold(c); held++ }); err != nil {
			return held, fmt.Errorf("%s: %w", file, err)
		}
	}
	if held == 0 {
		return 0, errors.New("--checkpoints: there is none")
	}
	return held, nil
}

func holdFile(file, public string, fn func(*history.Checkpoint)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return history.ReadCheckpoints(f, public, fn)
}

func (c *historyVerifyCommand) public(p *program) (string, error) {
	switch {
	case c.Key == "":
		if _, err := os.Stat(p.config.historyKey); err != nil {
			return "", errors.New("--key: say what verifies the checkpoints: `mandat history checkpoint` told it when it made the key")
		}
		key, _, err := history.LoadKey(p.config.historyKey, "")
		if err != nil {
			return "", err
		}
		return key.Public(), nil
	case strings.Contains(c.Key, "+"):
		return c.Key, nil
	}
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return "", fmt.Errorf("--key: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n") // that of the key itself has what verifies it last
	return lines[len(lines)-1], nil
}

type historyExportCommand struct {
	Service string `help:"Domain of the one service whose history it is to be. Default: everything."`
}

// Run writes the history to standard output, a line of JSON for each entry.
func (c *historyExportCommand) Run(p *program) error {
	domain := c.Service
	if domain != "" {
		var problem *models.Message
		if domain, problem = models.ParseDomain(c.Service); problem != nil {
			return models.Invalid{"service": {*problem}}
		}
	}
	out := bufio.NewWriterSize(p.out, 1<<20)
	err := p.reading(func(ctx context.Context, s *models.Store) error { return s.ExportHistory(ctx, domain, out) })
	if err := named("service "+c.Service, err); err != nil {
		return err
	}
	return out.Flush()
}

type historyCheckpointCommand struct {
	File string `arg:"" optional:"" help:"The file to append it to. Default: standard output."`
}

// Run writes one checkpoint, with a key that it makes when there is none.
func (c *historyCheckpointCommand) Run(p *program) error {
	key, err := p.historyKey()
	if err != nil {
		return err
	}
	var text []byte
	err = p.reading(func(ctx context.Context, s *models.Store) error {
		heads, err := s.HistoryHeads(ctx)
		if err != nil {
			return err
		}
		text, err = key.Sign(s.Now(), heads)
		return err
	})
	if err != nil {
		return err
	}
	if c.File == "" {
		_, err = p.out.Write(text)
		return err
	}
	f, err := os.OpenFile(c.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// historyKey is the key that signs checkpoints. One that had to be made is told
// of: what verifies it must be known elsewhere to be of any use.
func (p *program) historyKey() (*history.Key, error) {
	key, made, err := history.LoadKey(p.config.historyKey, p.config.origin.Host)
	if err != nil {
		return nil, fmt.Errorf("MANDAT_HISTORY_KEY: %w", err)
	}
	if made {
		fmt.Fprintf(p.err, "Made a key for checkpoints, %s. Write down elsewhere what verifies it:\n  %s\n", p.config.historyKey, key.Public())
	}
	return key, nil
}

// keepsCheckpoints has the store that is opened next write checkpoints, if the settings say so.
func (p *program) keepsCheckpoints() error {
	if p.config.historyDir == "" {
		return nil
	}
	key, err := p.historyKey()
	if err == nil {
		p.checkpoints = &history.Directory{Path: p.config.historyDir, Key: key}
	}
	return err
}

// reading gives fn the database, for a command that changes nothing of what mail servers read.
func (p *program) reading(fn func(context.Context, *models.Store) error) error {
	store, err := p.open()
	if err != nil {
		return err
	}
	return errors.Join(fn(p.ctx, store), store.Close())
}
