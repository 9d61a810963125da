package outgoing

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// files writes each message into a directory, under its id: a message that is
// sent again takes the place of itself.
type files struct {
	dir  string
	from Sender
}

// Send writes the file as a whole or not at all. Nobody else may read it: a
// message may be for one person's eyes.
func (f *files) Send(ctx context.Context, m *Message) (err error) {
	msg, err := compose(f.from, m)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("directory of messages: %w", err)
	}
	part, err := os.CreateTemp(f.dir, ".*.part")
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part.Name()) // what is there already is the error
		}
	}()
	if _, err = msg.WriteTo(part); err == nil {
		err = part.Sync()
	}
	if closed := part.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(part.Name(), filepath.Join(f.dir, m.ID+".eml"))
	}
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	return nil
}
