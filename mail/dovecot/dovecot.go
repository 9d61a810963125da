// Package dovecot asks Dovecot for what no row of a database can do: to end
// sessions, and to remove what a mailbox holds. It speaks the doveadm HTTP API
// (doc.dovecot.org/2.3/admin_manual/doveadm_http_api) and knows none of the nouns.
//
// # Why this API
//
// It needs no shell, no shared directory and no process of ours beside Dovecot,
// and any number of panels may use it. Its key may do anything to any mailbox:
// it is the panel's alone, and the API is on loopback or behind TLS.
//
// # Why one command for each request
//
// Dovecot 2.3 ends the whole request, and sometimes its process, at the first
// command whose parameters it dislikes.
package dovecot

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"
)

// Limits on one request.
const (
	timeout   = 20 * time.Second // a large mailbox takes its time to be emptied
	maxAnswer = 1 << 20
)

// What doveadm ends with (sysexits.h), where we know what it means.
const (
	exitNoUser = 67
	exitNone   = 68 // of kick: there was no session; of dictGet: there is no such key
)

// ErrNoUser says that Dovecot knows no such mailbox.
var ErrNoUser = errors.New("dovecot: no such mailbox")

// Client asks one Dovecot. Its methods are safe for concurrent use.
type Client struct {
	url  string
	key  string
	http *http.Client
}

// Parse reads where Dovecot is, as http://key:KEY@HOST:PORT on loopback and
// https:// elsewhere. Errors repeat nothing of the text, which has the key.
func Parse(text string) (*Client, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User == nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("want http://key:KEY@HOST:PORT, with the key of doveadm_api_key")
	}
	key, ok := u.User.Password()
	if !ok || key == "" {
		return nil, errors.New("want the key of doveadm_api_key after a colon, as http://key:KEY@HOST:PORT")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("want http on loopback, or https")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, errors.New("http is for loopback: the key may do anything to any mailbox and must not travel in clear")
	}
	where := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/doveadm/v1"}
	// Dovecot leads nobody elsewhere. To follow would take the key there.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{where.String(), base64.StdEncoding.EncodeToString([]byte(key)), &http.Client{Timeout: timeout, CheckRedirect: stay}}, nil
}

// String is where it is, without the key.
func (c *Client) String() string { return strings.TrimSuffix(c.url, "/doveadm/v1") }

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// Disconnect ends all sessions (IMAP, ManageSieve) of a user, or of all that a
// pattern with * fits. It is no error that there are none.
func (c *Client) Disconnect(ctx context.Context, user string) error {
	_, err := c.do(ctx, "kick", map[string]any{"mask": []string{user}})
	if failed := (exitError{}); errors.As(err, &failed) && failed.code == exitNone {
		return nil
	}
	return err
}

// homeShape is how the shipped configuration names homes: by the ids of the
// service and of the account. Nothing else is ever removed.
var homeShape = regexp.MustCompile(`^/.+/[0-9]+/[0-9]+$`)

// Remove ends all sessions of a user and removes the mailbox with all it holds,
// the user's own scripts too. A mailbox that Dovecot does not know, or that is
// empty already, is no error.
func (c *Client) Remove(ctx context.Context, user string) error {
	if err := c.Disconnect(ctx, user); err != nil {
		return err
	}
	home, err := c.home(ctx, user)
	if errors.Is(err, ErrNoUser) {
		return nil
	}
	if err != nil {
		return err
	}
	// First by the way that tells other processes and counts the use.
	if _, err := c.do(ctx, "expunge", map[string]any{"user": user, "query": []string{"mailbox", "*", "all"}}); err != nil {
		return err
	}
	if path.Clean(home) != home || !homeShape.MatchString(home) {
		return fmt.Errorf("dovecot: the home of a mailbox is not one that the panel named")
	}
	_, err = c.do(ctx, "fsDelete", map[string]any{"recursive": true, "fsDriver": "posix", "fsArgs": "", "path": []string{home + "/"}})
	return err
}

// home asks for the directory of a mailbox.
func (c *Client) home(ctx context.Context, user string) (string, error) {
	answer, err := c.do(ctx, "user", map[string]any{"userMask": []string{user}})
	if err != nil {
		return "", err
	}
	var users map[string]struct{ Home string }
	if err := json.Unmarshal(answer, &users); err != nil {
		return "", fmt.Errorf("dovecot: answer to user: %w", err)
	}
	found, ok := users[user]
	if !ok || found.Home == "" {
		return "", ErrNoUser
	}
	return found.Home, nil
}

// Check says whether Dovecot answers and takes the key. It asks for the sessions
// of nobody: those of everybody may be more than an answer may hold.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.do(ctx, "who", map[string]any{"mask": []string{"nobody@nowhere.invalid"}})
	return err
}

// CheckUser says whether Dovecot finds a mailbox: ErrNoUser when it does not.
func (c *Client) CheckUser(ctx context.Context, user string) error {
	_, err := c.home(ctx, user)
	return err
}

// CheckScripts says whether Dovecot can reach where a user keeps Sieve scripts,
// and what the panel has for it.
func (c *Client) CheckScripts(ctx context.Context, user string) error {
	if _, err := c.do(ctx, "sieveList", map[string]any{"user": user}); err != nil {
		return err
	}
	_, err := c.do(ctx, "dictGet", map[string]any{"user": user, "dictUri": "proxy:dict-async:sieve", "key": "priv/sieve/name/panel"})
	if failed := (exitError{}); errors.As(err, &failed) && failed.code == exitNone {
		return nil // no filter and no responder
	}
	return err
}

// exitError is a command that Dovecot ran and that failed.
type exitError struct {
	command string
	code    int
	kind    string
}

func (e exitError) Error() string {
	return fmt.Sprintf("dovecot: %s failed: %s %d", e.command, e.kind, e.code)
}

// Is makes a missing user known by its name.
func (e exitError) Is(target error) bool { return target == ErrNoUser && e.code == exitNoUser }

// do runs one command and returns its answer.
func (c *Client) do(ctx context.Context, command string, parameters map[string]any) (json.RawMessage, error) {
	body, err := json.Marshal([]any{[]any{command, parameters, "t"}})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "X-Dovecot-API "+c.key)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("dovecot: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("dovecot: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("dovecot: %s", response.Status)
	}
	return read(command, text)
}

// read takes an answer apart: [["doveadmResponse", …, "t"]] or [["error", {…}, "t"]].
func read(command string, text []byte) (json.RawMessage, error) {
	var answers [][]json.RawMessage
	if err := json.Unmarshal(text, &answers); err != nil {
		return nil, fmt.Errorf("dovecot: answer to %s: %w", command, err)
	}
	if len(answers) != 1 || len(answers[0]) != 3 {
		return nil, fmt.Errorf("dovecot: answer to %s is not one", command)
	}
	var kind string
	if err := json.Unmarshal(answers[0][0], &kind); err != nil {
		return nil, fmt.Errorf("dovecot: answer to %s: %w", command, err)
	}
	switch kind {
	case "doveadmResponse":
		return answers[0][1], nil
	case "error":
		var failure struct {
			Type     string
			ExitCode int
		}
		if err := json.Unmarshal(answers[0][1], &failure); err != nil {
			return nil, fmt.Errorf("dovecot: answer to %s: %w", command, err)
		}
		return nil, exitError{command, failure.ExitCode, failure.Type}
	}
	return nil, fmt.Errorf("dovecot: answer to %s is of a kind that we do not know", command)
}
